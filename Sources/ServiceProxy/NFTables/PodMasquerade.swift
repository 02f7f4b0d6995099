package import Addressing
package import Netlink

/// Table `inet swiftlet-masquerade`: connections of this node's pods to the world outside the cluster get the node's
/// address. It is also the anchor: as long as it stands, replacing another table with nat chains breaks no translated
/// connection, because the kernel keeps its NAT hooks while any table uses them. So it is made first and removed last.
package struct PodMasquerade: Hashable, Sendable {
  package static let table = NFTable(.inet, "swiftlet-masquerade", comment: "pod egress, by swiftlet; do not edit")

  /// Ranges of this node's pods.
  package var podRanges: [Prefix]
  /// Ranges reached without translation: pods, nodes, Services. Multicast and link-local are always among them.
  package var insideRanges: [Prefix]

  package init(podRanges: [Prefix], insideRanges: [Prefix]) {
    self.podRanges = podRanges
    self.insideRanges = insideRanges
  }

  private static func setName(_ name: String, _ family: IPFamily) -> String { name + (family == .v4 ? "4" : "6") }

  /// The table without elements.
  package static var definition: NFTableDefinition {
    let sets = IPFamily.allCases.flatMap { family in
      ["pods", "inside"].map { name in
        NFSet(setName(name, family), key: [.address(family)], flags: [.interval])
      }
    }
    let rules = IPFamily.allCases.map { family in
      NFRule([
        .match(.source(family), inSet: setName("pods", family)),
        .match(.destination(family), notInSet: setName("inside", family)), .masquerade(fullyRandom: true),
      ])
    }
    return NFTableDefinition(
      table, sets: sets,
      chains: [
        .init(NFChain("postrouting", .init(.nat, .postrouting, priority: NFPriority.sourceNAT + 5)), rules)
      ])
  }

  /// The elements of every set, by its name.
  var elements: [String: [NFElement]] {
    let always = ["224.0.0.0/4", "169.254.0.0/16", "ff00::/8", "fe80::/10"].compactMap { Prefix($0) }
    var elements: [String: [NFElement]] = [:]
    for family in IPFamily.allCases {
      elements[Self.setName("pods", family)] = podRanges.distinct(family).flatMap { NFElement.interval($0) }
      elements[Self.setName("inside", family)] = (insideRanges + always).distinct(family)
        .flatMap { NFElement.interval($0) }
    }
    return elements
  }

  /// Makes the table be as it should: nothing is written if it is. Returns whether anything was.
  @discardableResult
  package func ensure(_ socket: NFTablesSocket) throws -> Bool {
    let found = try socket.signature(of: Self.table)
    var batch = NFTablesBatch()
    if found == Self.definition.signature {
      for (set, wanted) in elements.sorted(by: { $0.key < $1.key }) {
        if Set(try socket.elements(of: set, in: Self.table)) == Set(wanted) { continue }
        batch.flush(set: set, of: Self.table)
        batch.add(wanted, to: set, of: Self.table)
      }
    } else {
      batch.ensureAbsent(Self.table)
      batch.add(Self.definition)
      for (set, wanted) in elements.sorted(by: { $0.key < $1.key }) { batch.add(wanted, to: set, of: Self.table) }
    }
    try socket.commit(batch)
    return !batch.isEmpty
  }
}
