internal import Addressing
internal import ClusterModel
internal import Netlink

/// The part of the policy table that is the same whatever the policies say.
///
/// Rules match the connection's tuple instead of the packet: client = original source, server = reply source (after a
/// Service's address was translated), port = reply source port. So both directions of a connection get one verdict.
///
/// Flows that were allowed carry the *generation* of that verdict in the upper half of their mark and leave early. Raising
/// the generation has every flow judged again by its next packet; what is no longer allowed is cut at once, what still is
/// gets the new mark. (Deleting conntrack entries would not cut: a server that keeps sending makes the entry anew.)
enum PolicyLayout {
  static let table = NFTable(.inet, "swiftlet-policy", comment: "NetworkPolicy; written by swiftlet")
  /// Its only element is the mark of the generation in force, kept for the next process.
  static let generationSet = NFSet("generation", key: [.mark], comment: "the policy generation in force")

  /// The verdict map of a direction: pod address → chain.
  static func map(_ direction: PolicyDirection, _ family: IPFamily) -> String {
    "\(direction)-\(family == .v4 ? "ipv4" : "ipv6")"
  }

  /// The end of a connection whose pod a direction isolates.
  static func subject(_ direction: PolicyDirection, _ family: IPFamily) -> NFField {
    .ctSource(direction == .egress ? .original : .reply, family)
  }

  /// The other end.
  static func peer(_ direction: PolicyDirection, _ family: IPFamily) -> NFField {
    .ctSource(direction == .egress ? .reply : .original, family)
  }

  static func mark(_ generation: UInt16) -> UInt32 { UInt32(generation) << 16 }

  /// Everything but elements and the chains of policies.
  static func definition(generation: UInt16, _ names: inout PolicyNames) -> NFTableDefinition {
    var definition = NFTableDefinition(table)
    definition.sets.append(generationSet)
    for family in IPFamily.allCases {
      for set in PolicyModel.permanentSets {
        definition.sets.append(PolicyEncoding.set(set, family, &names))
      }
      for direction in PolicyDirection.allCases {
        definition.sets.append(
          NFSet(map(direction, family), key: [.address(family)], value: .verdict, comment: "pod address to chain"))
      }
    }
    definition.chains = [
      .init(NFChain("pods"), judgement(&names)),
      .init(
        NFChain("forward", .init(.filter, .forward, priority: NFPriority.filter)), forward(generation: generation)),
    ]
    return definition
  }

  static func forward(generation: UInt16) -> [NFRule] {
    [
      NFRule(
        [
          .match(.ctMark, mask: 0xFFFF_0000, equals: UInt64(mark(generation))),
          .anyBit(.ctState, NFConnection.established | NFConnection.related), .accept,
        ], comment: "judged by generation \(generation)"),
      // Neighbour and multicast listener discovery keep the links going and are not tracked (RFC 4861, RFC 3810).
      NFRule([.match(.icmpv6Type, anyOf: [.init(130, 137), 143]), .accept]),
      // Without a tuple there is nothing to judge by.
      NFRule([.anyBit(.ctState, NFConnection.invalid), .drop]),
      NFRule([.jump("pods")]),
      NFRule([.setConnectionMark(keeping: 0x0000_FFFF, or: mark(generation))]),
    ]
  }

  private static func judgement(_ names: inout PolicyNames) -> [NFRule] {
    var rules: [NFRule] = []
    for family in IPFamily.allCases {
      let (client, server) = (NFField.ctSource(.original, family), NFField.ctSource(.reply, family))
      let ranges = names.name(.nodeRanges, family)
      let known = names.name(.known, family)
      rules.append(NFRule([.match(client, server, inSet: names.name(.itself, family)), .return]))
      for end in [client, server] {
        rules.append(
          NFRule(
            [.match(end, inSet: ranges), .match(end, notInSet: known), .counter, .drop],
            comment: "closed until its pod is known"))
      }
      for direction in [PolicyDirection.egress, .ingress] {
        rules.append(NFRule([.verdictMap([subject(direction, family)], map(direction, family))]))
      }
    }
    return rules
  }
}
