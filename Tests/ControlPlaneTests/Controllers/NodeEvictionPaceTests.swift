import Testing

@testable import ControlPlane

/// How fast nodes are emptied, with a clock of the test's own.
@Suite struct NodeEvictionPaceTests {
  /// Zones of so many ready and silent nodes, named `ZONE-NUMBER`, the silent ones first.
  private static func pace(_ zones: [String: (ready: Int, silent: Int)], now: Double = 0) -> NodeEvictionPace {
    var pace = NodeEvictionPace()
    for (zone, count) in zones {
      for number in 0..<(count.ready + count.silent) {
        _ = pace.set("\(zone)-\(number)", zone: zone, isReady: number >= count.silent, now: now)
      }
    }
    return pace
  }

  @Test(
    arguments: [
      (10, 0, .normal), (9, 1, .normal), (0, 1, .full), (0, 60, .full),
      // Two are never many, and three are from 55% on.
      (1, 2, .normal), (3, 3, .normal), (2, 3, .partial), (9, 11, .partial), (10, 11, .normal), (9, 10, .normal),
    ] as [(Int, Int, NodeEvictionPace.Disruption)])
  func zones(ready: Int, silent: Int, expected: NodeEvictionPace.Disruption) {
    #expect(Self.pace(["a": (ready, silent)]).disruption(ofZone: "a") == expected)
  }

  /// When each silent node of a zone is emptied, if all are asked about every second.
  private static func evictions(_ pace: inout NodeEvictionPace, _ nodes: [String], until end: Int) -> [Int] {
    var times: [Int] = []
    var left = nodes
    for second in 0...end {
      left.removeAll { node in
        guard pace.admit(node, isBegun: false, now: Double(second)) == .evict else { return false }
        times.append(second)
        return true
      }
    }
    return times
  }

  /// In milliseconds' precision; nil for no wait.
  private static func wait(_ admission: NodeEvictionPace.Admission) -> Double? {
    if case .wait(let seconds) = admission { (seconds * 1000).rounded() / 1000 } else { nil }
  }

  @Test func oneInTenSeconds() {
    var pace = Self.pace(["a": (10, 4)])
    #expect(Self.evictions(&pace, ["a-0", "a-1", "a-2", "a-3"], until: 60) == [0, 10, 20, 30])
    // Who has to wait is told how long.
    pace = Self.pace(["a": (10, 2)])
    #expect(pace.admit("a-0", isBegun: false, now: 0) == .evict)
    #expect(Self.wait(pace.admit("a-1", isBegun: false, now: 4)) == 6)
    // What was begun goes on, at no cost: a write that failed, or a controller that was started anew.
    #expect(pace.admit("a-0", isBegun: false, now: 4) == .evict)
    var other = Self.pace(["a": (10, 2)])
    #expect(other.admit("a-0", isBegun: true, now: 0) == .evict)
    #expect(other.admit("a-1", isBegun: false, now: 0) == .evict)
  }

  @Test func slowerWhereManyAreSilent() {
    // A large zone.
    var pace = Self.pace(["a": (20, 31)])
    #expect(pace.disruption(ofZone: "a") == .partial)
    #expect(Self.evictions(&pace, (0..<31).map { "a-\($0)" }, until: 350) == [0, 100, 200, 300])
    // In a small one not at all.
    pace = Self.pace(["a": (20, 30)])
    #expect(Self.evictions(&pace, (0..<30).map { "a-\($0)" }, until: 350) == [])
    #expect(pace.admit("a-1", isBegun: false, now: 400) == .never)
    // A zone that died whole, while another lives, is emptied at the usual rate, and so is the other.
    pace = Self.pace(["a": (0, 3), "b": (2, 1)])
    #expect(pace.disruption(ofZone: "a") == .full && !pace.isBlackout)
    #expect(Self.evictions(&pace, ["a-0", "a-1", "a-2", "b-0"], until: 60) == [0, 0, 10, 20])
  }

  @Test func aBlackoutDrivesNobodyAnywhere() {
    var pace = Self.pace(["a": (1, 1), "b": (1, 0)])
    #expect(pace.admit("a-0", isBegun: false, now: 0) == .evict)
    var change = pace.set("a-1", zone: "a", isReady: false, now: 1)
    #expect(change == .init(concernsOthers: true, endsBlackout: false) && !pace.isBlackout)
    change = pace.set("b-0", zone: "b", isReady: false, now: 2)
    #expect(change.concernsOthers && pace.isBlackout)
    // Also not where it was begun.
    for node in ["a-0", "a-1", "b-0"] { #expect(pace.admit(node, isBegun: true, now: 100) == .never) }
    change = pace.set("b-0", zone: "b", isReady: true, now: 101)
    #expect(change == .init(concernsOthers: true, endsBlackout: true))
    #expect(pace.admit("b-0", isBegun: false, now: 101) == .never)
    #expect(pace.admit("a-1", isBegun: false, now: 101) == .evict)
    // The last nodes are deleted: no blackout, there is nothing.
    for node in ["a-0", "a-1", "b-0"] { _ = pace.set(node, zone: nil, isReady: false, now: 102) }
    #expect(!pace.isBlackout && pace.admit("a-0", isBegun: false, now: 103) == .never)
  }

  /// A node that comes back and falls silent again needs a token again; one that moves to another zone counts there.
  @Test func nodesComeAndGo() {
    var pace = Self.pace(["a": (5, 1)])
    #expect(pace.admit("a-0", isBegun: false, now: 0) == .evict)
    _ = pace.set("a-0", zone: "a", isReady: true, now: 1)
    let change = pace.set("a-0", zone: "a", isReady: false, now: 2)
    #expect(change == .init())
    #expect(Self.wait(pace.admit("a-0", isBegun: false, now: 2)) == 8)
    _ = pace.set("a-0", zone: "b", isReady: false, now: 3)
    #expect(pace.disruption(ofZone: "b") == .full && pace.admit("a-0", isBegun: false, now: 3) == .evict)
  }
}
