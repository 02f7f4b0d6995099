internal import JSON

extension EndpointSlicePlan {
  /// Hints for zones in proportion to their CPU (KEP-2433): unchanged slices keep theirs while these are still possible,
  /// endpoints of written slices first serve their own zone, and then as many as needed are given to zones that have too
  /// few. Of one family.
  mutating func assignZones(_ addressType: String, _ shares: ZoneShares) throws(ZoneShares.Refusal) {
    let all = create + update.values + unchanged.values
    let ready = all.filter { $0.addressType == addressType }.flatMap(\.endpoints).filter(\.isReady)
    if let homeless = ready.first(where: { $0.zone.isEmpty }) {
      throw .endpointWithoutZone(homeless.json["addresses"][0].string ?? "")
    }
    let allocations = try shares.allocations(ready.count)
    var counts: [String: Int] = [:]
    for (name, content) in unchanged.sorted(by: { $0.key < $1.key }) where content.addressType == addressType {
      if let sum = Self.hinted(content, counts, allocations) {
        counts = sum
      } else {
        update[name] = unchanged.removeValue(forKey: name)
      }
    }
    eachWritten(addressType) { endpoint in
      endpoint.hints = endpoint.isReady ? Self.hint(endpoint.zone) : .null
      if endpoint.isReady { counts[endpoint.zone, default: 0] += 1 }
    }
    var (giving, receiving) = Self.moves(counts, allocations)
    eachWritten(addressType) { endpoint in
      guard endpoint.isReady, giving[endpoint.zone, default: 0] > 0,
        let receiver = receiving.filter({ $0.value > 0 }).keys.min()
      else { return }
      giving[endpoint.zone, default: 0] -= 1
      receiving[receiver, default: 0] -= 1
      endpoint.hints = Self.hint(receiver)
    }
  }

  /// Takes the hints away from all slices of a family.
  mutating func removeHints(_ addressType: String) {
    for (name, content) in unchanged
    where content.addressType == addressType && content.endpoints.contains(where: { !$0.hints.isNull }) {
      update[name] = unchanged.removeValue(forKey: name)
    }
    eachWritten(addressType) { $0.hints = .null }
  }

  private static func hint(_ zone: String) -> JSON { ["forZones": [["name": .string(zone)]]] }

  private mutating func eachWritten(_ addressType: String, _ change: (inout Endpoint) -> Void) {
    for name in update.keys.sorted() where update[name]?.addressType == addressType {
      for index in update[name]?.endpoints.indices ?? 0..<0 { change(&update[name]!.endpoints[index]) }
    }
    for slice in create.indices where create[slice].addressType == addressType {
      for index in create[slice].endpoints.indices { change(&create[slice].endpoints[index]) }
    }
  }

  /// The counts with those of an unchanged slice; nil where its hints must be made anew: one is missing or of another kind,
  /// names a zone that gets nothing, or there are more than a zone may have.
  private static func hinted(
    _ content: Content, _ counts: [String: Int], _ allocations: [String: ZoneShares.Allocation]
  ) -> [String: Int]? {
    var counts = counts
    for endpoint in content.endpoints {
      guard endpoint.isReady else {
        if endpoint.hints.isNull { continue } else { return nil }
      }
      guard let zone = endpoint.hints["forZones"][0]["name"].string, endpoint.hints == hint(zone) else { return nil }
      counts[zone, default: 0] += 1
      guard let allocation = allocations[zone], counts[zone, default: 0] <= allocation.maximum else { return nil }
    }
    return counts
  }

  /// How many endpoints which zone gives away and gets: always from the one with most above its share to the one most
  /// below, while a whole endpoint of difference is left on either side and at least half on the other.
  private static func moves(
    _ counts: [String: Int], _ allocations: [String: ZoneShares.Allocation]
  ) -> (giving: [String: Int], receiving: [String: Int]) {
    var surplus: [String: Double] = [:]
    for zone in Set(counts.keys).union(allocations.keys) {
      surplus[zone] = Double(counts[zone] ?? 0) - (allocations[zone]?.desired ?? 0)
    }
    var giving: [String: Int] = [:]
    var receiving: [String: Int] = [:]
    let zones = surplus.keys.sorted()
    while let most = zones.max(by: { surplus[$0]! < surplus[$1]! }),
      let least = zones.min(by: { surplus[$0]! < surplus[$1]! }),
      surplus[most]! >= 0.5, surplus[least]! <= -0.5, surplus[most]! >= 1 || surplus[least]! <= -1
    {
      giving[most, default: 0] += 1
      receiving[least, default: 0] += 1
      surplus[most]! -= 1
      surplus[least]! += 1
    }
    return (giving, receiving)
  }
}

extension EndpointSlicePlan.Endpoint {
  var isReady: Bool { json["conditions", "ready"].bool ?? true }
  var zone: String { json["zone"].string ?? "" }
}
