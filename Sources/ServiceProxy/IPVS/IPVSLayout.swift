internal import Addressing
internal import ClusterModel
internal import Netlink

/// Table `inet swiftlet-ipvs`: what IPVS does not do. It says who may use an address, keeps the node's own servers from
/// being reached at addresses of Services, and translates sources. Everything is an element; chains are constant.
enum IPVSLayout {
  static let table = NFTable(.inet, "swiftlet-ipvs", comment: "beside IPVS, by swiftlet; do not edit")

  enum SetKind: String, Hashable, CaseIterable {
    /// address . protocol . port of every virtual service.
    case frontends
    /// The same for which a traffic policy allows no endpoint here: silence for everyone, or for clients outside.
    case silent
    case silentOutside = "silent-outside"
    /// The same with source ranges; and source range . address . protocol . port.
    case restricted
    case sourceRanges = "source-ranges"
    /// The same that leave the client's address as it is.
    case keepSource = "keep-source"
    /// Addresses the node has only because Services have them.
    case addresses
    /// source . destination of a pod that was sent to itself.
    case hairpin
    case nodePods = "node-pods"
    case serviceRange = "service-range"
  }

  struct SetID: Hashable {
    var kind: SetKind
    var family: IPFamily

    init(_ kind: SetKind, _ family: IPFamily) {
      self.kind = kind
      self.family = family
    }
    var name: String { kind.rawValue + (family == .v4 ? "4" : "6") }
    static let all = SetKind.allCases.flatMap { kind in IPFamily.allCases.map { SetID(kind, $0) } }
  }

  static var definition: NFTableDefinition { NFTableDefinition(table, sets: SetID.all.map(set), chains: chains) }

  private static func set(_ id: SetID) -> NFSet {
    let address = NFDataType.address(id.family)
    let frontend = [address, .inetProtocol, .inetService]
    return switch id.kind {
    case .frontends, .silent, .silentOutside, .restricted, .keepSource: NFSet(id.name, key: frontend)
    case .sourceRanges: NFSet(id.name, key: [address] + frontend, flags: [.interval])
    case .addresses: NFSet(id.name, key: [address])
    case .hairpin: NFSet(id.name, key: [address, address])
    case .nodePods, .serviceRange: NFSet(id.name, key: [address], flags: [.interval])
    }
  }

  private static func each(_ statements: (IPFamily) -> [NFStatement]) -> [NFRule] {
    IPFamily.allCases.map { NFRule(statements($0)) }
  }

  private static func inSet(_ kind: SetKind, _ family: IPFamily) -> NFStatement {
    .match(.destination(family), .l4Protocol, .destinationPort, inSet: SetID(kind, family).name)
  }

  /// What the client asked for, whatever the packet looks like by now.
  private static func asked(_ kind: SetKind, _ family: IPFamily) -> NFStatement {
    .match(
      .ctDestination(.original, family), .l4Protocol, .ctDestinationPort(.original), inSet: SetID(kind, family).name)
  }

  private static let chains: [NFTableDefinition.Chain] = [
    .init(
      NFChain("guard", comment: "who may use a load balancer's address"),
      each {
        [
          .match(.source($0), .destination($0), .l4Protocol, .destinationPort, inSet: SetID(.sourceRanges, $0).name),
          .verdict(.return),
        ]
      } + [NFRule([.drop])]),
    .init(
      NFChain("services"),
      each { [inSet(.silent, $0), .drop] }
        + each { [inSet(.restricted, $0), .jump("guard")] }),
    .init(
      NFChain("filter-prerouting", .init(.filter, .prerouting, priority: NFPriority.filter - 10)),
      each { [.match(.source($0), notInSet: SetID(.nodePods, $0).name), inSet(.silentOutside, $0), .drop] }
        + [NFRule([.jump("services")])]),
    .init(
      NFChain("refuse"),
      [
        NFRule([.match(.l4Protocol, 6), .reject(.tcpReset)]),
        NFRule([.reject(.portUnreachable)]),
      ]),
    .init(
      NFChain(
        "filter-input", .init(.filter, .input, priority: NFPriority.filter - 10),
        comment: "the node's own servers are not at addresses of Services"),
      [NFRule([.anyBit(.ctState, NFConnection.established | NFConnection.related), .verdict(.return)])]
        + each { [inSet(.frontends, $0), .verdict(.return)] }
        + each { [.match(.destination($0), inSet: SetID(.addresses, $0).name), .goto("refuse")] }),
    .init(
      NFChain("filter-forward", .init(.filter, .forward, priority: NFPriority.filter - 10)),
      [NFRule([.jump("leftover")])]),
    .init(
      NFChain("filter-output", .init(.filter, .output, priority: NFPriority.filter - 10)),
      [NFRule([.jump("services")]), NFRule([.jump("leftover")])]),
    .init(
      NFChain("leftover", comment: "addresses no Service has"),
      each {
        [
          .match(.destination($0), inSet: SetID(.serviceRange, $0).name),
          .match(.destinationType, not: NFAddressType.local), .drop,
        ]
      }),
    .init(
      NFChain("nat-postrouting", .init(.nat, .postrouting, priority: NFPriority.sourceNAT)),
      each { [asked(.frontends, $0), .jump("translated")] }),
    .init(
      NFChain("translated", comment: "source of connections through IPVS"),
      each {
        [.match(.source($0), .destination($0), inSet: SetID(.hairpin, $0).name), .masquerade(fullyRandom: false)]
      }
        + each { [.match(.source($0), inSet: SetID(.nodePods, $0).name), .verdict(.return)] }
        + [NFRule([.match(.sourceType, NFAddressType.local), .masquerade(fullyRandom: false)])]
        + each { [asked(.keepSource, $0), .verdict(.return)] }
        + [NFRule([.masquerade(fullyRandom: false)])]),
  ]
}
