internal import Addressing
internal import ClusterModel

/// The records of one Service, compiled once and never changed: a change of the Service or its endpoints replaces it.
final class ServiceRecords: Sendable {
  /// What the Service's own name stands for.
  enum Kind: Equatable {
    /// Addresses of the Service itself.
    case clusterIP
    /// The addresses of its ready endpoints.
    case headless
    /// An alias; nil where `externalName` is an address or no valid name, which then does not exist.
    case external(DomainName?)
  }

  /// An endpoint's name below the Service's, with all addresses that share it.
  struct Host {
    var name: DomainName
    var addresses: [IPAddress]
  }

  /// A port under a target: the Service itself or one of its hosts.
  struct Target: Hashable {
    /// Index in `hosts`; nil for the Service's own name.
    var host: Int?
    var port: UInt16
  }

  /// A port by its name, in lower case, and protocol.
  struct PortKey: Hashable {
    var name: String
    var transport: String
  }

  let id: NamespacedName
  /// The labels `svc.ns` in wire form: the key a question is compared with.
  let key: [UInt8]
  let name: DomainName
  let kind: Kind
  let addresses: [IPAddress]
  let hosts: [Host]
  let hostByLabel: [String: Int]
  /// Named ports.
  let targets: [PortKey: [Target]]
  /// Every port, the unnamed ones included: the answer to SRV of the Service's own name.
  let allTargets: [Target]
  /// Another Service whose name has the same hash.
  let next: ServiceRecords?

  /// nil where the names cannot be written in DNS; the API refuses such Services.
  init?(_ input: ServiceWithEndpoints, zone: DomainName, next: ServiceRecords? = nil) {
    let service = input.service
    guard let own = Self.name(service.id, zone: zone) else { return nil }
    id = service.id
    name = own
    key = Array(own.wire[..<Int(own.labels[2])])
    self.next = next

    if service.kind == .externalName {
      kind = .external(Self.alias(service.externalName))
      addresses = []
      hosts = []
      hostByLabel = [:]
      targets = [:]
      allTargets = []
      return
    }

    var hosts: [Host] = []
    var hostByLabel: [String: Int] = [:]
    var endpoints: Set<IPAddress> = []
    var found: [PortKey: [Target]] = [:]
    var all: [Target] = []
    var seen: Set<Target> = []
    for slice in input.slices {
      for endpoint in slice.endpoints where endpoint.isReady {
        for address in endpoint.addresses where address.family == slice.family {
          endpoints.insert(address)
          let label = endpoint.hostname?.lowercased() ?? EndpointName.label(address)
          guard let index = Self.add(address, label, below: own, &hosts, &hostByLabel) else { continue }
          guard service.isHeadless else { continue }
          for port in slice.ports {
            let target = Target(host: index, port: port.port)
            if !port.name.isEmpty {
              let key = PortKey(name: port.name.lowercased(), transport: port.transport.rawValue.lowercased())
              if found[key]?.contains(target) != true { found[key, default: []].append(target) }
            }
            if seen.insert(target).inserted { all.append(target) }
          }
        }
      }
    }
    if !service.isHeadless {
      for port in service.ports {
        let target = Target(host: nil, port: port.port)
        if !port.name.isEmpty {
          let key = PortKey(name: port.name.lowercased(), transport: port.transport.rawValue.lowercased())
          found[key, default: []].append(target)
        }
        if seen.insert(target).inserted { all.append(target) }
      }
    }
    kind = service.isHeadless ? .headless : .clusterIP
    addresses = service.isHeadless ? endpoints.sorted() : service.clusterAddresses
    self.hosts = hosts
    self.hostByLabel = hostByLabel
    targets = found
    allTargets = all
  }

  /// The name of a Service below the zone.
  static func name(_ id: NamespacedName, zone: DomainName) -> DomainName? {
    guard !id.name.contains("."), let own = try? DomainName(parsing: "\(id.name).\(id.namespace).svc") else {
      return nil
    }
    return own.labels.count == 3 ? own.below(zone) : nil
  }

  private static func alias(_ text: String?) -> DomainName? {
    guard let text, IPAddress(text) == nil, let name = try? DomainName(parsing: text), !name.labels.isEmpty else {
      return nil
    }
    return name
  }

  /// Adds an endpoint's address to the host of a label; nil where the label makes no valid name.
  private static func add(
    _ address: IPAddress, _ label: String, below own: DomainName, _ hosts: inout [Host],
    _ hostByLabel: inout [String: Int]
  ) -> Int? {
    if let index = hostByLabel[label] {
      if !hosts[index].addresses.contains(address) { hosts[index].addresses.append(address) }
      return index
    }
    guard !label.contains("."), let name = try? DomainName(parsing: label), let full = name.below(own) else {
      return nil
    }
    hostByLabel[label] = hosts.count
    hosts.append(Host(name: full, addresses: [address]))
    return hosts.count - 1
  }

  /// What reverse lookups of this Service's addresses give: cluster addresses its own name, endpoints their hosts.
  var pointers: [(address: IPAddress, name: DomainName, isCluster: Bool)] {
    var result: [(address: IPAddress, name: DomainName, isCluster: Bool)] = []
    if kind == .clusterIP { result += addresses.map { ($0, name, true) } }
    for host in hosts { result += host.addresses.map { ($0, host.name, false) } }
    return result
  }

  /// The same records with another link to follow.
  func linked(to next: ServiceRecords?) -> ServiceRecords {
    next === self.next ? self : ServiceRecords(copying: self, next: next)
  }

  private init(copying other: ServiceRecords, next: ServiceRecords?) {
    id = other.id
    key = other.key
    name = other.name
    kind = other.kind
    addresses = other.addresses
    hosts = other.hosts
    hostByLabel = other.hostByLabel
    targets = other.targets
    allTargets = other.allTargets
    self.next = next
  }
}
