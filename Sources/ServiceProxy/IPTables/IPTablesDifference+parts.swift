extension IPTablesDifference {
  /// How near a chain is to the end of a packet's way: what leads to a chain has a larger number than the chain. nil for
  /// chains that belong to no Service, which lead to them and which they lead to.
  private static func depth(_ chain: String) -> Int? {
    let kinds = [["KUBE-SEP-"], ["KUBE-SVC-", "KUBE-SVL-"], ["KUBE-EXT-", "KUBE-XLB-"], ["KUBE-FW-"]]
    return kinds.firstIndex { $0.contains { chain.hasPrefix($0) } }
  }

  /// Chains from the end of a packet's way to its beginning, at most so many at a time.
  private static func steps(_ chains: some Sequence<String>, _ most: Int) -> [[String]] {
    let sorted = chains.map { (depth: depth($0) ?? Int.max, name: $0) }.sorted {
      ($0.depth, $0.name) < ($1.depth, $1.name)
    }
    return stride(from: 0, to: sorted.count, by: most).map { first in
      sorted[first..<min(first + most, sorted.count)].map(\.name)
    }
  }

  /// The same in several calls of iptables-restore, to be made in this order, after each of which every packet finds its
  /// way: Services' chains come before what leads to them, and go after it. iptables-nft-restore looks through the names of
  /// all chains of its input for each of its lines, so that ten times as many chains take a hundred times as long.
  func parts(ofChains most: Int) -> [IPTablesDifference] {
    if written.count + removed.count <= most { return [self] }
    var middle = self
    var parts: [IPTablesDifference] = []
    for step in Self.steps(written.keys.filter { Self.depth($0) != nil }, most) {
      var part = IPTablesDifference()
      for chain in step { part.written[chain] = middle.written.removeValue(forKey: chain) }
      parts.append(part)
    }
    // Those of no Service that go are emptied first, and go last.
    let constant = removed.filter { Self.depth($0) == nil }
    for chain in constant { middle.written[chain] = [] }
    middle.removed = []
    parts.append(middle)
    for step in Self.steps(removed.subtracting(constant), most).reversed() {
      var part = IPTablesDifference()
      part.removed = Set(step)
      parts.append(part)
    }
    var end = IPTablesDifference()
    end.removed = constant
    if !end.isEmpty { parts.append(end) }
    return parts.filter { !$0.isEmpty }
  }
}
