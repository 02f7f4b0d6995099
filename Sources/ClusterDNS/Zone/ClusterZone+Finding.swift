internal import Addressing
internal import ClusterModel
internal import Glibc

/// How names of pods (`10-244-1-7.default.pod.cluster.local`) are answered.
package enum PodRecords: String, Sendable {
  /// Not at all: NXDOMAIN.
  case disabled
  /// Whatever address the name holds, in every namespace that exists.
  case insecure
  /// Only addresses of the namespace's own pods.
  case verified
}

extension ClusterZone {
  /// What a name of the zone stands for.
  enum Finding {
    /// The zone itself.
    case apex
    /// `dns-version`, a text record.
    case version
    /// `ns.dns`, the name server that NS and SOA records name.
    case nameServer
    /// The name exists, without records of its own.
    case empty
    case service(ServiceRecords)
    /// An endpoint of a Service: an index of its hosts.
    case host(ServiceRecords, Int)
    /// `_port._protocol` of a Service: some of its targets.
    case port(ServiceRecords, Range<Int>)
    case pod(IPAddress)
    /// NXDOMAIN.
    case nothing
  }

  /// Looks a name up that is within the zone.
  func find(_ name: NameView, pods: PodRecords) -> Finding {
    let count = name.labelCount - zone.labels.count
    guard count > 0 else { return .apex }
    let last = count - 1
    if name.label(last, is: "svc") { return findService(name, count: last) }
    if name.label(last, is: "pod") { return findPod(name, count: last, pods: pods) }
    if count == 1, name.label(0, is: "dns-version") { return .version }
    // The name server's own name, and the one between it and the zone, which exists for its sake (RFC 8020).
    guard name.label(last, is: "dns") else { return .nothing }
    if count == 1 { return .empty }
    return count == 2 && name.label(0, is: "ns") ? .nameServer : .nothing
  }

  /// `count` labels stand before `svc`.
  private func findService(_ name: NameView, count: Int) -> Finding {
    switch count {
    case 0: return .empty
    case 1: return hasNamespace(name.label(0)) ? .empty : .nothing
    case 2...4:
      guard let service = service(name.wire((count - 2)..<count)) else { return .nothing }
      return count == 2 ? findOwn(service) : findBelow(service, name, count: count - 2)
    default: return .nothing
    }
  }

  private func findOwn(_ service: ServiceRecords) -> Finding {
    switch service.kind {
    case .clusterIP: .service(service)
    // A headless Service without ready endpoints has no name (DNS-based service discovery, section 2.4.1).
    case .headless: service.addresses.isEmpty ? .nothing : .service(service)
    case .external(let alias): alias == nil ? .nothing : .service(service)
    }
  }

  /// One or two labels before the Service's name: a host, `_protocol`, or `_port._protocol`.
  private func findBelow(_ service: ServiceRecords, _ name: NameView, count: Int) -> Finding {
    let first = name.label(0)
    if count == 1 {
      if first[0] == UInt8(ascii: "_") {
        guard let transport = Self.transport(first) else { return .nothing }
        return service.hasPort(transport) ? .empty : .nothing
      }
      guard let host = service.host(first) else { return .nothing }
      return .host(service, host)
    }
    guard first.count > 1, first[0] == UInt8(ascii: "_"), let transport = Self.transport(name.label(1)) else {
      return .nothing
    }
    let port = UnsafeBufferPointer(start: first.baseAddress! + 1, count: first.count - 1)
    guard let targets = service.targets(port, transport) else { return .nothing }
    return .port(service, targets)
  }

  /// `_tcp`, `_udp` or `_sctp`.
  private static func transport(_ label: UnsafeBufferPointer<UInt8>) -> TransportProtocol? {
    func isLabel(_ text: StaticString) -> Bool {
      label.count == text.utf8CodeUnitCount && memcmp(label.baseAddress!, text.utf8Start, label.count) == 0
    }
    if isLabel("_tcp") { return .tcp }
    if isLabel("_udp") { return .udp }
    return isLabel("_sctp") ? .sctp : nil
  }

  /// `count` labels stand before `pod`.
  private func findPod(_ name: NameView, count: Int, pods: PodRecords) -> Finding {
    if count == 0 { return .empty }
    if pods == .disabled || count > 2 { return .nothing }
    let namespace = name.label(count - 1)
    if count == 1 { return hasNamespace(namespace) ? .empty : .nothing }
    guard let address = EndpointName.address(label: name.label(0)) else { return .nothing }
    let exists = pods == .verified ? hasPod(namespace: namespace, address: address) : hasNamespace(namespace)
    return exists ? .pod(address) : .nothing
  }
}
