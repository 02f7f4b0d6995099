/// How many elements the sets that hold a cluster have room for.
///
/// To a set of known size the kernel gives a hash table that never grows (nft_hash instead of nft_rhash): 100,000 slots take
/// two thirds of the time, since none is put into its place again and again. The price is a table that must be made anew
/// when it is full: room for twice as much as there is, and never for less than a small cluster needs.
package struct SetCapacities: Hashable, Sendable {
  /// nil for sets without a size, which grow by themselves.
  package private(set) var sizes: [ServicesLayout.SetID: UInt32]

  /// As the kernel has them; a set it does not know of has no size.
  init(_ sizes: [String: UInt32]) {
    self.sizes = [:]
    for id in ServicesLayout.SetID.all where sizes[id.name] != nil { self.sizes[id] = sizes[id.name] }
  }

  /// With room to grow.
  package init(for contents: SetCounts) {
    sizes = [:]
    for kind in Self.least.keys {
      for id in ServicesLayout.SetID.all where id.kind == kind { sizes[id] = Self.size(kind, for: contents[id]) }
    }
  }

  /// Sets that have a size, and the smallest one: 8 bytes of kernel memory for each, used or not.
  private static let least: [ServicesLayout.SetKind: UInt32] = [
    .slots: 8192, .frontends: 2048, .clusterAddresses: 2048,
  ]

  /// A power of two, at least twice as much.
  private static func size(_ kind: ServicesLayout.SetKind, for count: Int) -> UInt32 {
    var size = least[kind] ?? 1
    while size < UInt32(clamping: 2 * count), size < 1 << 30 { size *= 2 }
    return size
  }

  /// Whether all sets have room for so many.
  func hold(_ contents: SetCounts) -> Bool { sizes.allSatisfy { contents[$0.key] <= Int($0.value) } }
}

/// How many elements sets hold, of those that have a size.
package struct SetCounts: Hashable, Sendable {
  private var counts: [ServicesLayout.SetID: Int] = [:]

  package init() {}

  package subscript(id: ServicesLayout.SetID) -> Int {
    get { counts[id] ?? 0 }
    set { counts[id] = newValue }
  }

  /// What a state asks for.
  init(_ state: ServiceState) {
    for (key, frontend) in state.frontends where !key.isNodePort {
      self[.init(.frontends, key.address.family)] += 1
      self[.init(.slots, key.address.family)] +=
        frontend.inside.targets.count + (frontend.outside?.targets.count ?? 0)
    }
    for address in state.addressUses.keys { self[.init(.clusterAddresses, address.family)] += 1 }
  }
}
