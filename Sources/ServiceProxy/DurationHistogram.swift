/// How often something took how long, in seconds.
package struct DurationHistogram: Hashable, Sendable {
  /// 1 ms doubled fourteen times: kube-proxy's, for work of the proxy itself.
  package static let work = (0..<15).map { 0.001 * Double(1 << $0) }
  /// A quarter and half a second, each second of the first minute, every 5 s of the second, every 30 s up to 5 minutes:
  /// kube-proxy's, for network programming.
  package static let programming =
    [0.25, 0.5] + (1..<60).map(Double.init) + stride(from: 60.0, through: 115, by: 5)
    + stride(from: 120.0, through: 300, by: 30)

  /// Upper bounds, in order; beyond the last one there is no bound.
  package let bounds: [Double]
  /// How many fell below each bound, and not below the one before; the last is of those beyond all.
  package private(set) var counts: [Int]
  package private(set) var sum = 0.0

  package init(_ bounds: [Double] = Self.work) {
    self.bounds = bounds
    counts = [Int](repeating: 0, count: bounds.count + 1)
  }

  package var count: Int { counts.reduce(0, +) }

  package mutating func add(_ seconds: Double) {
    counts[bounds.firstIndex { seconds <= $0 } ?? bounds.count] += 1
    sum += seconds
  }

  /// Both together; they must have the same bounds.
  package static func + (left: Self, right: Self) -> Self {
    precondition(left.bounds == right.bounds, "histograms of different bounds")
    var both = left
    for (index, count) in right.counts.enumerated() { both.counts[index] += count }
    both.sum += right.sum
    return both
  }
}
