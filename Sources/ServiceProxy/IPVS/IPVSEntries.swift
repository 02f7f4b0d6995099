internal import Addressing
internal import ClusterModel
internal import Netlink

/// What one frontend is in IPVS and beside it. Pure.
struct IPVSEntries: Equatable {
  struct Element: Hashable {
    var set: IPVSLayout.SetID
    var element: NFElement
  }

  var services: [IPVSService] = []
  var targets: [Target] = []
  var elements: Set<Element> = []
  /// Addresses for the dummy link.
  var addresses: Set<IPAddress> = []

  /// What entries depend on beside the frontend.
  struct Context: Equatable {
    var scheduler: IPVSScheduler
    /// The node's own addresses that serve NodePorts.
    var nodeAddresses: Set<IPAddress>
    /// All of the node's own addresses: those are not put on the dummy link.
    var ownAddresses: Set<IPAddress>
  }

  init(_ key: FrontendKey, _ frontend: ServiceState.Frontend, _ context: Context) {
    let family = key.address.family
    let places = key.isNodePort ? context.nodeAddresses.filter { $0.family == family } : [key.address]
    // One virtual service has one list of destinations: where clients outside may have endpoints of this node only, so
    // may everyone (kube-proxy: the same); but if there are none, the node and its pods have them all.
    var choice = frontend.inside
    if let outside = frontend.outside, !outside.targets.isEmpty { choice = outside }
    targets = choice.targets.sorted()
    for address in places {
      var bytes = NFKey()
      bytes.append(address)
      bytes.append(transport: key.transport.number)
      bytes.append(port: key.port)
      func add(_ kind: IPVSLayout.SetKind, _ element: NFElement) {
        elements.insert(Element(set: .init(kind, family), element: element))
      }
      if frontend.inside.targets.isEmpty, frontend.inside.withoutTargets == .drop {
        add(.silent, NFElement(bytes.bytes))
      }
      if let outside = frontend.outside {
        add(.keepSource, NFElement(bytes.bytes))
        if outside.targets.isEmpty, outside.withoutTargets == .drop { add(.silentOutside, NFElement(bytes.bytes)) }
      }
      if let ranges = frontend.sourceRanges {
        add(.restricted, NFElement(bytes.bytes))
        for range in ranges {
          add(.sourceRanges, NFElement(range.first.bytes + bytes.bytes, to: range.last.bytes + bytes.bytes))
        }
      }
      if !key.isNodePort, !context.ownAddresses.contains(address) { addresses.insert(address) }
      // Without endpoints there is no virtual service: the table refuses, as for any port nobody serves.
      if targets.isEmpty { continue }
      add(.frontends, NFElement(bytes.bytes, comment: frontend.comment))
      services.append(
        IPVSService(
          .init(address, transport: key.transport.number, port: key.port), scheduler: context.scheduler.rawValue,
          schedulerFlags: context.scheduler.flags, persistence: frontend.affinityTimeout.map { UInt32($0) }))
    }
  }

  /// The elements an address on the dummy link needs.
  static func element(_ address: IPAddress) -> Element {
    Element(set: .init(.addresses, address.family), element: NFElement(address.bytes))
  }
  static func hairpin(_ address: IPAddress) -> Element {
    Element(set: .init(.hairpin, address.family), element: NFElement(address.bytes + address.bytes))
  }
}
