internal import Addressing
internal import ClusterModel

extension ServiceRecords {
  /// Gathers hosts and targets of a Service's slices, then lays them out.
  struct Compiler {
    private struct PortKey: Hashable {
      var name: String
      var transport: TransportProtocol
    }

    /// Bytes that a host's label, its length included, may have before the Service's name.
    let room: Int
    private(set) var endpoints: Set<IPAddress> = []
    private var hostLabels: [String] = []
    private var addressesOfHosts: [[IPAddress]] = []
    private var hostByLabel: [String: Int] = [:]
    private var portNames: [PortKey] = []
    private var targetsOfPorts: [PortKey: [Target]] = [:]
    private var all: [Target] = []
    private var seen: Set<Target> = []
    private var seenOfPorts: [PortKey: Set<Target>] = [:]

    private(set) var hosts: [Host] = []
    private(set) var hostAddresses: [IPAddress] = []
    private(set) var ports: [Port] = []
    private(set) var targets: [Target] = []
    private(set) var allTargets = 0..<0
    private(set) var labels: [UInt8] = []

    init(room: Int) { self.room = room }

    mutating func add(_ input: ServiceWithEndpoints) {
      for slice in input.slices {
        for endpoint in slice.endpoints where endpoint.isReady {
          add(endpoint.address, of: endpoint, in: slice, input.service)
          for address in endpoint.otherAddresses { add(address, of: endpoint, in: slice, input.service) }
        }
      }
      guard !input.service.isHeadless else { return }
      for port in input.service.ports { add(Target(host: -1, port: port.port), port.name, port.transport) }
    }

    private mutating func add(
      _ address: IPAddress, of endpoint: EndpointSlice.Endpoint, in slice: EndpointSlice, _ service: Service
    ) {
      guard address.family == slice.family else { return }
      endpoints.insert(address)
      let label = endpoint.hostname?.lowercased() ?? EndpointName.label(address)
      guard let host = add(address, label), service.isHeadless else { return }
      for port in slice.ports { add(Target(host: Int32(host), port: port.port), port.name, port.transport) }
    }

    /// Adds an endpoint's address to the host of a label; nil where the label makes no valid name.
    private mutating func add(_ address: IPAddress, _ label: String) -> Int? {
      if let index = hostByLabel[label] {
        if !addressesOfHosts[index].contains(address) { addressesOfHosts[index].append(address) }
        return index
      }
      let length = label.utf8.count
      guard length > 0, length <= Wire.longestLabel, length + 1 <= room, !label.contains(".") else { return nil }
      hostByLabel[label] = hostLabels.count
      hostLabels.append(label)
      addressesOfHosts.append([address])
      return hostLabels.count - 1
    }

    private mutating func add(_ target: Target, _ name: String, _ transport: TransportProtocol) {
      if !name.isEmpty, name.utf8.count < Wire.longestLabel {
        let key = PortKey(name: name.lowercased(), transport: transport)
        if targetsOfPorts[key] == nil { portNames.append(key) }
        // A host with several addresses, or with one in each family's slice, is one target.
        if seenOfPorts[key, default: []].insert(target).inserted { targetsOfPorts[key, default: []].append(target) }
      }
      if seen.insert(target).inserted { all.append(target) }
    }

    mutating func finish() {
      let order = hostLabels.indices.sorted { left, right in
        let (left, right) = (hostLabels[left].utf8, hostLabels[right].utf8)
        return left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
      }
      var place = [Int32](repeating: 0, count: order.count)
      hosts.reserveCapacity(order.count)
      hostAddresses.reserveCapacity(order.count)
      labels.reserveCapacity(hostLabels.reduce(0) { $0 + $1.utf8.count + 1 })
      for (new, old) in order.enumerated() {
        place[old] = Int32(new)
        let addresses = addressesOfHosts[old]
        hosts.append(
          Host(label: UInt32(labels.count), first: UInt32(hostAddresses.count), count: UInt32(addresses.count)))
        append(label: hostLabels[old])
        hostAddresses += addresses
      }
      func placed(_ target: Target) -> Target {
        target.host < 0 ? target : Target(host: place[Int(target.host)], port: target.port)
      }
      for key in portNames {
        let found = targetsOfPorts[key] ?? []
        ports.append(
          Port(
            label: UInt32(labels.count), transport: key.transport, first: UInt32(targets.count),
            count: UInt32(found.count)))
        append(label: key.name)
        targets += found.map(placed)
      }
      // With one named port and no other, both lists are the same.
      if ports.count == 1, targets.count == all.count {
        allTargets = 0..<targets.count
      } else {
        allTargets = targets.count..<(targets.count + all.count)
        targets += all.map(placed)
      }
    }

    private mutating func append(label: String) {
      labels.append(UInt8(label.utf8.count))
      labels += label.utf8
    }
  }
}
