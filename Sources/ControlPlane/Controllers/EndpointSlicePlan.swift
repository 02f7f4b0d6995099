internal import JSON

/// Which EndpointSlices to write so that they hold exactly the wanted endpoints, with as few writes as possible. Pure.
///
/// The order of Kubernetes' own controller (KEP-752): endpoints stay where they are; what is new fills slices that change
/// anyway, fullest first; the rest goes into the one unchanged slice it fits best, or into new ones. Slices are never
/// evened out. A slice that is to go becomes one that is to come.
struct EndpointSlicePlan {
  struct Endpoint: Hashable {
    /// Address, hostname and pod: the same endpoint in another condition is the same endpoint.
    var identity: String
    /// The entry of `endpoints` without its hints.
    var json: JSON
    /// `hints`; null for none.
    var hints = JSON.null

    /// The whole entry.
    var written: JSON {
      guard !hints.isNull else { return json }
      var entry = json
      entry["hints"] = hints
      return entry
    }
  }

  /// Endpoints of one address family whose ports have the same numbers.
  struct Group {
    var addressType: String
    /// The `ports` of the slices.
    var ports: JSON
    var endpoints: [Endpoint]
  }

  struct Slice {
    var name: String
    var addressType: String
    var ports: JSON
    var endpoints: [Endpoint]
    /// Its labels or annotations are not what they should be: it must be written in any case.
    var isOutdated = false
    /// Of an earlier object of the owner's name, and about to be collected: it is deleted and never written.
    var isForeign = false
  }

  struct Content: Equatable {
    var addressType: String
    var ports: JSON
    var endpoints: [Endpoint]
  }

  var create: [Content] = []
  var update: [String: Content] = [:]
  private(set) var delete: [String] = []
  /// Slices that stay as they are.
  var unchanged: [String: Content] = [:]

  var isEmpty: Bool { create.isEmpty && update.isEmpty && delete.isEmpty }

  /// - Parameters:
  ///   - groups: with different family and ports each; a group without endpoints asks for one empty slice.
  ///   - maximum: most endpoints a slice may hold.
  ///   - keepsHints: hints of endpoints that stay are not compared and stay too; who assigns them does so afterwards.
  init(groups: [Group], existing: [Slice], maximum: Int = 100, keepsHints: Bool = false) {
    var rest = existing.filter { !$0.isForeign }
    for group in groups {
      var slices: [Slice] = []
      rest.removeAll { slice in
        guard slice.addressType == group.addressType, slice.ports == group.ports else { return false }
        slices.append(slice)
        return true
      }
      place(group, slices.sorted { $0.name < $1.name }, maximum, keepsHints)
    }
    delete += rest.map(\.name)
    recycle(existing)
    delete += existing.filter(\.isForeign).map(\.name)
  }

  private struct Filling {
    var name: String
    var endpoints: [Endpoint]
  }

  private mutating func place(_ group: Group, _ slices: [Slice], _ maximum: Int, _ keepsHints: Bool) {
    var wanted: [String: Endpoint] = [:]
    for endpoint in group.endpoints { wanted[endpoint.identity] = endpoint }
    var changing: [Filling] = []
    var steady: [Filling] = []
    for slice in slices {
      let (kept, isChanged) = Self.keep(slice, &wanted, maximum, keepsHints)
      if kept.isEmpty, !slice.endpoints.isEmpty {
        delete.append(slice.name)
      } else if isChanged || (kept.isEmpty && !group.endpoints.isEmpty) {
        // One that stood for "nobody is there" is as good as one that changes.
        changing.append(Filling(name: slice.name, endpoints: kept))
      } else {
        steady.append(Filling(name: slice.name, endpoints: kept))
      }
    }
    var new = wanted.values.sorted { $0.identity < $1.identity }[...]
    func take(_ room: Int) -> ArraySlice<Endpoint> {
      defer { new = new.dropFirst(room) }
      return new.prefix(room)
    }
    for index in changing.indices.sorted(by: { changing[$0].endpoints.count > changing[$1].endpoints.count }) {
      changing[index].endpoints += take(maximum - changing[index].endpoints.count)
    }
    while !new.isEmpty {
      let best = steady.indices
        .filter { new.count < maximum && steady[$0].endpoints.count + new.count <= maximum }
        .max { steady[$0].endpoints.count < steady[$1].endpoints.count }
      if let best {
        var filling = steady.remove(at: best)
        filling.endpoints += take(maximum)
        changing.append(filling)
      } else {
        create.append(Content(addressType: group.addressType, ports: group.ports, endpoints: Array(take(maximum))))
      }
    }
    // A Service without endpoints keeps one empty slice, so that clients know that nobody is there.
    if group.endpoints.isEmpty, changing.isEmpty, steady.isEmpty {
      create.append(Content(addressType: group.addressType, ports: group.ports, endpoints: []))
    }
    var isHeld = !group.endpoints.isEmpty
    for (fillings, isChanged) in [(steady, false), (changing, true)] {
      for filling in fillings {
        if filling.endpoints.isEmpty, isHeld {
          delete.append(filling.name)
          continue
        }
        isHeld = true
        let content = Content(addressType: group.addressType, ports: group.ports, endpoints: filling.endpoints)
        if isChanged { update[filling.name] = content } else { unchanged[filling.name] = content }
      }
    }
  }

  /// The slice's endpoints that are still wanted, as they are now, and whether the slice must be written for it.
  private static func keep(
    _ slice: Slice, _ wanted: inout [String: Endpoint], _ maximum: Int, _ keepsHints: Bool
  ) -> (endpoints: [Endpoint], isChanged: Bool) {
    var kept: [Endpoint] = []
    var isChanged = slice.isOutdated
    for endpoint in slice.endpoints {
      guard kept.count < maximum, var current = wanted.removeValue(forKey: endpoint.identity) else {
        isChanged = true
        continue
      }
      if keepsHints { current.hints = endpoint.hints }
      if current != endpoint { isChanged = true }
      kept.append(current)
    }
    return (kept, isChanged)
  }

  /// A slice to delete and one to create of the same family become one update.
  private mutating func recycle(_ existing: [Slice]) {
    for (index, slice) in create.enumerated().reversed() {
      guard
        let position = delete.firstIndex(where: { name in
          existing.contains { $0.name == name && $0.addressType == slice.addressType }
        })
      else { continue }
      update[delete.remove(at: position)] = slice
      create.remove(at: index)
    }
  }
}
