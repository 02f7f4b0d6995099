internal import Addressing
internal import ClusterModel
internal import Glibc

/// The cluster's zone as a stream of messages (AXFR, RFC 5936). The list of Services is that of the beginning; each is
/// immutable. Names of pods are there where they are those of real pods (`verified`): `insecure` has no end of them.
final class ZoneTransfer {
  private let zone: ClusterZone
  private let responder: Responder
  private let services: [ServiceRecords]
  private let pods: [(id: NamespacedName, addresses: [IPAddress])]
  private let serial: UInt32
  private let message: UnsafeMutableBufferPointer<UInt8>
  private let query = Query()
  private var stage = Stage.head
  /// The next Service or pod, and its next record.
  private var index = 0
  private var part = 0

  private enum Stage { case head, services, pods, tail, done }

  /// Bytes of one message: names further on could not be pointed to.
  static let messageLength = 0x4000

  /// `question` is the whole message that asked.
  init(_ zone: ClusterZone, _ responder: Responder, question: UnsafeBufferPointer<UInt8>) {
    self.zone = zone
    self.responder = responder
    services = zone.allServices
    pods = responder.pods == .verified ? zone.allPods : []
    serial = zone.serial
    message = .allocate(capacity: question.count)
    _ = message.update(fromContentsOf: question)
    _ = query.parse(UnsafeBufferPointer(message))
  }

  deinit { message.deallocate() }

  /// Writes the next message; returns its length, or nil after the last one.
  func next(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int? {
    guard stage != .done else { return nil }
    var writer = ResponseWriter(buffer)
    writer.begin(query, limit: Self.messageLength)
    while stage != .done {
      let position = writer.position
      write(&writer)
      if writer.isTruncated {
        // The record comes again in the next message; one that no message can hold is left out.
        writer.forgetTruncation()
        if position > query.questionEnd { break }
      }
      advance()
    }
    writer.finish(.noError, flags: Wire.authoritative)
    return writer.position
  }

  private func advance() {
    part += 1
    switch stage {
    case .head: if part >= 3 + responder.nameServerAddresses.count { enter(.services) }
    case .services:
      if part >= services[index].recordCount { (index, part) = (index + 1, 0) }
      if index >= services.count { enter(.pods) }
    case .pods:
      if part >= pods[index].addresses.count { (index, part) = (index + 1, 0) }
      if index >= pods.count { enter(.tail) }
    case .tail: stage = .done
    case .done: break
    }
  }

  private func enter(_ next: Stage) {
    (stage, index, part) = (next, 0, 0)
    if stage == .services, services.isEmpty { stage = .pods }
    if stage == .pods, pods.isEmpty { stage = .tail }
  }

  private func write(_ writer: inout ResponseWriter) {
    let apex = zone.zone.wire
    switch stage {
    case .head where part == 1:
      apex.withUnsafeBufferPointer { owner in
        _ = writer.record(owner: owner, .ns, ttl: responder.ttl) { $0.append(name: zone.nameServer) }
      }
    case .head where part == 2:
      guard let name = try? DomainName(parsing: "dns-version").below(zone.zone) else { return }
      name.wire.withUnsafeBufferPointer { owner in
        _ = writer.record(owner: owner, .txt, ttl: Responder.versionTTL) { $0.append(text: Responder.version) }
      }
    case .head where part > 2: address(responder.nameServerAddresses[part - 3], of: zone.nameServer.wire, &writer)
    case .head, .tail: responder.writeStart(of: zone.zone, zone, serial: serial, &writer)
    case .services: services[index].write(record: part, ttl: responder.ttl, into: &writer)
    case .pods:
      let address = pods[index].addresses[part]
      let label = EndpointName.label(address)
      if let name = try? DomainName(parsing: "\(label).\(pods[index].id.namespace).pod").below(zone.zone) {
        self.address(address, of: name.wire, &writer)
      }
    case .done: break
    }
  }

  private func address(_ address: IPAddress, of owner: [UInt8], _ writer: inout ResponseWriter) {
    owner.withUnsafeBufferPointer { writer.address(owner: $0, address, ttl: responder.ttl) }
  }
}

extension ServiceRecords {
  /// How many records the Service has in the zone.
  var recordCount: Int {
    switch kind {
    case .external(let alias): return alias == nil ? 0 : 1
    case .headless where addresses.isEmpty: return 0
    default: return addresses.count + hostAddresses.count + allTargets.count + namedTargets
    }
  }

  private var namedTargets: Int { ports.reduce(0) { $0 + Int($1.count) } }

  /// Writes one of the Service's records.
  func write(record: Int, ttl: UInt32, into writer: inout ResponseWriter) {
    if case .external(let alias?) = kind {
      name.wire.withUnsafeBufferPointer { owner in
        _ = writer.record(owner: owner, .cname, ttl: ttl) { $0.append(name: alias) }
      }
      return
    }
    var index = record
    if index < addresses.count {
      return name.wire.withUnsafeBufferPointer { writer.address(owner: $0, addresses[index], ttl: ttl) }
    }
    index -= addresses.count
    if index < allTargets.count { return service(name.wire, targets[allTargets.lowerBound + index], ttl, &writer) }
    index -= allTargets.count
    for port in ports {
      if index < Int(port.count) {
        let transport = "_" + port.transport.rawValue.lowercased()
        let label = withLabel(port.label) { [UInt8($0.count + 1), UInt8(ascii: "_")] + $0 }
        let owner = label + [UInt8(transport.utf8.count)] + transport.utf8 + name.wire
        guard owner.count <= Wire.longestName else { return }
        return service(owner, targets[Int(port.first) + index], ttl, &writer)
      }
      index -= Int(port.count)
    }
    for host in hosts {
      if index < Int(host.count) {
        let owner = withLabel(host.label) { [UInt8($0.count)] + $0 + name.wire }
        let address = hostAddresses[Int(host.first) + index]
        return owner.withUnsafeBufferPointer { writer.address(owner: $0, address, ttl: ttl) }
      }
      index -= Int(host.count)
    }
  }

  private func service(_ owner: [UInt8], _ target: Target, _ ttl: UInt32, _ writer: inout ResponseWriter) {
    owner.withUnsafeBufferPointer { owner in
      _ = writer.record(owner: owner, .srv, ttl: ttl) { writer in
        writer.append16(0)
        writer.append16(100)
        writer.append16(target.port)
        Responder.append(target.host, of: self, compressed: false, &writer)
      }
    }
  }
}
