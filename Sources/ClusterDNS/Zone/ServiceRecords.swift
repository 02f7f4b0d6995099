internal import Addressing
internal import ClusterModel
internal import Glibc

/// The records of one Service, compiled once and never changed: a change of the Service or its endpoints replaces it.
/// Names and addresses stand in a few arrays whatever the number of endpoints: a cluster has a hundred thousand of them.
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

  /// An endpoint's name below the Service's, with the addresses that share it.
  struct Host {
    /// Offset in `labels` of the label's length byte.
    var label: UInt32
    /// Its addresses in `hostAddresses`.
    var first: UInt32
    var count: UInt32
  }

  /// A port under a target: the Service itself (-1) or one of its hosts.
  struct Target: Hashable {
    var host: Int32
    var port: UInt16
  }

  /// A named port.
  struct Port {
    /// Offset in `labels` of the lower-case name.
    var label: UInt32
    var transport: TransportProtocol
    /// Its targets in `targets`.
    var first: UInt32
    var count: UInt32
  }

  let id: NamespacedName
  /// The labels `svc.ns` in wire form: the key a question is compared with.
  let key: [UInt8]
  let name: DomainName
  let kind: Kind
  let addresses: [IPAddress]
  /// In the order of their labels.
  let hosts: [Host]
  let hostAddresses: [IPAddress]
  let ports: [Port]
  /// The targets of the named ports one after another, then those of every port, the unnamed ones included.
  let targets: [Target]
  /// Every port: the answer to SRV of the Service's own name.
  let allTargets: Range<Int>
  /// Labels with their lengths, those of hosts and of ports.
  let labels: [UInt8]
  /// The latest change of its endpoints, in nanoseconds since 1970.
  let changeTriggered: Int64?

  /// nil where the names cannot be written in DNS; the API refuses such Services.
  init?(_ input: ServiceWithEndpoints, zone: DomainName) {
    let service = input.service
    guard let own = Self.name(service.id, zone: zone) else { return nil }
    id = service.id
    changeTriggered = input.slices.lazy.compactMap(\.changeTriggered).max()
    name = own
    key = Array(own.wire[..<Int(own.labels[2])])
    var compiler = Compiler(room: Wire.longestName - own.wire.count)
    if service.kind == .externalName {
      kind = .external(Self.alias(service.externalName))
      addresses = []
    } else {
      compiler.add(input)
      kind = service.isHeadless ? .headless : .clusterIP
      addresses = service.isHeadless ? compiler.endpoints.sorted() : service.clusterAddresses
    }
    compiler.finish()
    hosts = compiler.hosts
    hostAddresses = compiler.hostAddresses
    ports = compiler.ports
    targets = compiler.targets
    allTargets = compiler.allTargets
    labels = compiler.labels
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

  // MARK: finding

  /// The bytes of a label, without its length.
  func withLabel<Result>(_ offset: UInt32, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    labels.withUnsafeBufferPointer { labels in
      let start = Int(offset)
      return body(UnsafeBufferPointer(rebasing: labels[(start + 1)...(start + Int(labels[start]))]))
    }
  }

  /// The host with a lower-case label.
  func host(_ label: UnsafeBufferPointer<UInt8>) -> Int? {
    var low = 0
    var high = hosts.count
    while low < high {
      let middle = (low + high) / 2
      let order = withLabel(hosts[middle].label) { Self.compare($0, label) }
      if order == 0 { return middle }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// The targets of a named port.
  func targets(_ name: UnsafeBufferPointer<UInt8>, _ transport: TransportProtocol) -> Range<Int>? {
    for index in ports.indices where ports[index].transport == transport {
      let port = ports[index]
      if withLabel(port.label, { Self.compare($0, name) == 0 }) {
        return Int(port.first)..<Int(port.first + port.count)
      }
    }
    return nil
  }

  func hasPort(_ transport: TransportProtocol) -> Bool {
    for index in ports.indices where ports[index].transport == transport { return true }
    return false
  }

  /// Labels of unlike length are told apart by length: any order that is one does.
  static func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
    if left.count != right.count { return left.count - right.count }
    return left.isEmpty ? 0 : Int(memcmp(left.baseAddress!, right.baseAddress!, left.count))
  }

  func addresses(of host: Int) -> ArraySlice<IPAddress> {
    let host = hosts[host]
    return hostAddresses[Int(host.first)..<Int(host.first + host.count)]
  }

  /// A host's whole name.
  func name(of host: Int) -> DomainName {
    withLabel(hosts[host].label) { DomainName(validWire: [UInt8($0.count)] + $0 + name.wire) }
  }

  /// What reverse lookups of this Service's addresses give: cluster addresses its own name (-1), endpoints their hosts.
  func forEachPointer(_ body: (IPAddress, Int32) -> Void) {
    if kind == .clusterIP { for address in addresses { body(address, -1) } }
    for index in hosts.indices { for address in addresses(of: index) { body(address, Int32(index)) } }
  }
}
