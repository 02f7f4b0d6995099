internal import JSON

/// Which EndpointSlices to write so that they hold exactly the wanted endpoints, with as few writes as possible. Pure.
///
/// The order of Kubernetes' own controller: endpoints stay where they are; what is new fills slices that change anyway,
/// fullest first; the rest goes into the one unchanged slice it fits best, or into new ones. Slices are never evened out.
struct EndpointSlicePlan {
  struct Endpoint: Hashable {
    /// Address, hostname and pod: the same endpoint in another condition is the same endpoint.
    var identity: String
    var json: JSON
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
    /// Its labels or owner are not what they should be: it must be written in any case.
    var isOutdated = false
  }

  struct NewSlice: Equatable {
    var addressType: String
    var ports: JSON
    var endpoints: [JSON]
  }

  private(set) var create: [NewSlice] = []
  private(set) var update: [String: NewSlice] = [:]
  private(set) var delete: [String] = []

  init(groups: [Group], existing: [Slice], maximum: Int = 100) {
    var rest = existing
    for group in groups {
      var slices: [Slice] = []
      rest.removeAll { slice in
        guard slice.addressType == group.addressType, slice.ports == group.ports else { return false }
        slices.append(slice)
        return true
      }
      place(group, slices.sorted { $0.name < $1.name }, maximum: maximum)
    }
    delete += rest.map(\.name)
    recycle(existing)
  }

  private mutating func place(_ group: Group, _ slices: [Slice], maximum: Int) {
    var wanted: [String: Endpoint] = [:]
    for endpoint in group.endpoints { wanted[endpoint.identity] = endpoint }
    struct Filling {
      var name: String
      var endpoints: [JSON]
      var isChanged: Bool
    }
    var fillings: [Filling] = []
    for slice in slices {
      var filling = Filling(name: slice.name, endpoints: [], isChanged: slice.isOutdated)
      for endpoint in slice.endpoints {
        guard filling.endpoints.count < maximum, let current = wanted.removeValue(forKey: endpoint.identity) else {
          filling.isChanged = true
          continue
        }
        if current.json != endpoint.json { filling.isChanged = true }
        filling.endpoints.append(current.json)
      }
      fillings.append(filling)
    }
    var new = wanted.values.sorted { $0.identity < $1.identity }.map(\.json)[...]
    func fill(_ index: Int) {
      let room = maximum - fillings[index].endpoints.count
      guard room > 0, !new.isEmpty else { return }
      fillings[index].endpoints += new.prefix(room)
      fillings[index].isChanged = true
      new = new.dropFirst(room)
    }
    let changing = fillings.indices.filter { fillings[$0].isChanged }
    for index in changing.sorted(by: { fillings[$0].endpoints.count > fillings[$1].endpoints.count }) { fill(index) }
    if !new.isEmpty, new.count < maximum {
      let best = fillings.indices
        .filter { !fillings[$0].isChanged && maximum - fillings[$0].endpoints.count >= new.count }
        .max { fillings[$0].endpoints.count < fillings[$1].endpoints.count }
      if let best { fill(best) }
    }
    while !new.isEmpty {
      create.append(
        NewSlice(addressType: group.addressType, ports: group.ports, endpoints: Array(new.prefix(maximum))))
      new = new.dropFirst(maximum)
    }
    // A Service without endpoints keeps one empty slice, so that clients know that nobody is there.
    let isPlaceholder = group.endpoints.isEmpty
    if isPlaceholder && fillings.isEmpty {
      create.append(NewSlice(addressType: group.addressType, ports: group.ports, endpoints: []))
    }
    for (index, filling) in fillings.enumerated() {
      if filling.endpoints.isEmpty && !(isPlaceholder && index == 0) {
        delete.append(filling.name)
      } else if filling.isChanged {
        update[filling.name] = NewSlice(
          addressType: group.addressType, ports: group.ports, endpoints: filling.endpoints)
      }
    }
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
