package import Addressing
package import Netlink

/// Table `inet swiftlet-services`: which sets, chains and rules there are, whatever the cluster holds. Services and
/// endpoints are elements; chains are few and constant, one more for each number of endpoints in use.
package enum ServicesLayout {
  package static let table = NFTable(.inet, "swiftlet-services", comment: "Services, by swiftlet; do not edit")

  /// The sets and maps, one of each per family.
  package enum SetKind: String, Hashable, Sendable, CaseIterable {
    /// address . protocol . port → verdict: the class of the frontend.
    case frontends
    /// address . protocol . port . slot → address . port of an endpoint.
    case slots
    /// Addresses of Services.
    case clusterAddresses = "cluster-addresses"
    /// source . destination of a pod that was sent to itself.
    case hairpin
    /// Ranges of this node's pods.
    case nodePods = "node-pods"
    /// Ranges ClusterIPs come from.
    case serviceRange = "service-range"
  }

  /// A set of the table by kind and family.
  package struct SetID: Hashable, Sendable {
    package var kind: SetKind
    package var family: IPFamily

    package init(_ kind: SetKind, _ family: IPFamily) {
      self.kind = kind
      self.family = family
    }

    package var name: String { kind.rawValue + (family == .v4 ? "4" : "6") }
    package static let all = SetKind.allCases.flatMap { kind in IPFamily.allCases.map { SetID(kind, $0) } }
  }

  /// Slots of a frontend are numbered below this; the map's type names it, so it is part of the layout. The upper half is
  /// free for a second choice of endpoints per frontend.
  static let slotNumbers: UInt32 = 65536
  /// The most targets a frontend uses; endpoints beyond it get no traffic.
  package static let slotLimit = 32768

  /// The chain that spreads connections over a number of slots.
  package static func pickChain(_ slots: Int) -> String { "pick-\(slots)" }
  /// The number of slots of a chain's name; nil for any other chain.
  package static func slots(ofChain name: String) -> Int? {
    name.hasPrefix("pick-") ? Int(name.dropFirst(5)).flatMap { $0 > 0 && pickChain($0) == name ? $0 : nil } : nil
  }

  package static let noEndpoints = "no-endpoints"

  /// The whole table for the numbers of slots in use.
  package static func definition(slotCounts: some Sequence<Int>) -> NFTableDefinition {
    NFTableDefinition(
      table, sets: SetID.all.map(set), chains: constantChains + slotCounts.sorted().map(pick))
  }

  static func set(_ id: SetID) -> NFSet {
    let address = NFDataType.address(id.family)
    let frontend: [NFField] = [.destination(id.family), .l4Protocol, .destinationPort]
    switch id.kind {
    case .frontends: return NFSet(id.name, key: [address, .inetProtocol, .inetService], value: .verdict)
    case .slots:
      return NFSet(
        id.name, typeof: frontend + [.random(modulus: slotNumbers)],
        data: [.destination(id.family), .destinationPort])
    case .clusterAddresses: return NFSet(id.name, key: [address])
    case .hairpin: return NFSet(id.name, key: [address, address])
    case .nodePods, .serviceRange: return NFSet(id.name, key: [address], flags: [.interval])
    }
  }

  /// Chain `pick-N`: a random slot. A packet may see half a transaction and miss its slot; slot 0 is always there.
  static func pick(_ slots: Int) -> NFTableDefinition.Chain {
    let moduli = slots == 1 ? [1] : [UInt32(slots), 1]
    let rules = moduli.flatMap { modulus in
      IPFamily.allCases.map { family in
        NFRule([
          .destinationNATMap(
            family, [.destination(family), .l4Protocol, .destinationPort, .random(modulus: modulus)],
            SetID(.slots, family).name)
        ])
      }
    }
    return .init(NFChain(pickChain(slots)), rules + [NFRule([.drop])])
  }

  private static func each(_ statements: (IPFamily) -> [NFStatement]) -> [NFRule] {
    IPFamily.allCases.map { NFRule(statements($0)) }
  }

  private static let constantChains: [NFTableDefinition.Chain] = [
    .init(
      NFChain(noEndpoints, comment: "a Service without endpoints, or another port of one"),
      [
        NFRule([.match(.l4Protocol, 6), .reject(.tcpReset)]),
        NFRule([.reject(.portUnreachable)]),
      ]),
    .init(
      NFChain("services"),
      each { [.verdictMap([.destination($0), .l4Protocol, .destinationPort], SetID(.frontends, $0).name)] }
        + each { [.match(.destination($0), inSet: SetID(.clusterAddresses, $0).name), .goto(noEndpoints)] }),
    .init(
      NFChain("nat-prerouting", .init(.nat, .prerouting, priority: NFPriority.destinationNAT)),
      [NFRule([.jump("services")])]),
    .init(
      NFChain("nat-output", .init(.nat, .output, priority: NFPriority.destinationNAT)), [NFRule([.jump("services")])]),
    .init(
      NFChain("leftover", comment: "packets to Service addresses that were not translated"),
      each { [.match(.destination($0), inSet: SetID(.serviceRange, $0).name), .goto("unserved")] }
        + each { [.match(.destination($0), inSet: SetID(.clusterAddresses, $0).name), .goto("unserved")] }),
    .init(
      NFChain("unserved"),
      [NFRule([.match(.destinationType, NFAddressType.local), .accept], comment: "node-local DNS")]
        + each { [.match(.destination($0), inSet: SetID(.clusterAddresses, $0).name), .reject(.portUnreachable)] }
        + [NFRule([.drop])]),
    .init(
      NFChain("filter-forward", .init(.filter, .forward, priority: NFPriority.filter - 10)),
      [NFRule([.jump("leftover")])]),
    .init(
      NFChain("filter-output", .init(.filter, .output, priority: NFPriority.filter - 10)),
      [NFRule([.jump("leftover")])]),
    .init(
      NFChain("nat-postrouting", .init(.nat, .postrouting, priority: NFPriority.sourceNAT)),
      [NFRule([.anyBit(.ctStatus, NFConnection.statusDestinationNAT), .jump("translated")])]),
    .init(
      NFChain("translated", comment: "source of translated connections"),
      each {
        [.match(.source($0), .destination($0), inSet: SetID(.hairpin, $0).name), .masquerade(fullyRandom: false)]
      }
        + each { [.match(.source($0), inSet: SetID(.nodePods, $0).name), .return] }
        + [NFRule([.masquerade(fullyRandom: false)])]),
  ]
}
