import JSON
import Testing

@testable import ControlPlane

@Suite struct RollingUpdateTests {
  /// Nothing checks the texts of an IntOrString before the controller sees them.
  @Test(arguments: ["9223372036854775807", "9223372036854775807%", "-9223372036854775808%", "%", "x"])
  func textsOfAnySize(text: String) {
    let update = RollingUpdate(strategy: ["rollingUpdate": ["maxSurge": .string(text)]], replicas: 100_000)
    #expect((0...update.maxSurge + 100_000).contains(update.newReplicas(1, total: 1, wanted: 100_000)))
  }

  @Test(
    arguments: [
      (nil, nil, 10, 3, 2), (nil, nil, 1, 1, 0), (nil, nil, 3, 1, 0), (JSON.int(0), JSON.int(0), 4, 0, 1),
      ("50%", "50%", 5, 3, 2), (2, "0%", 5, 2, 0), ("0%", "10%", 3, 0, 1), (1, 7, 3, 1, 3),
    ] as [(JSON?, JSON?, Int, Int, Int)])
  func numbers(surge: JSON?, unavailable: JSON?, replicas: Int, maxSurge: Int, maxUnavailable: Int) {
    let strategy: JSON = [
      "type": "RollingUpdate", "rollingUpdate": ["maxSurge": surge ?? .null, "maxUnavailable": unavailable ?? .null],
    ]
    #expect(
      RollingUpdate(strategy: strategy, replicas: replicas)
        == RollingUpdate(maxSurge: maxSurge, maxUnavailable: maxUnavailable))
  }

  @Test(arguments: [(0, 10, 10, 3, 3), (3, 13, 10, 3, 3), (3, 11, 10, 3, 5), (9, 10, 10, 3, 10), (12, 12, 10, 0, 10)])
  func newReplicas(new: Int, total: Int, wanted: Int, surge: Int, expected: Int) {
    #expect(
      RollingUpdate(maxSurge: surge, maxUnavailable: 0).newReplicas(new, total: total, wanted: wanted) == expected)
  }

  typealias Member = RollingUpdate.Member

  @Test(arguments: [
    // nothing ready of the new: only maxUnavailable may go
    ([Member(replicas: 10, available: 10)], Member(replicas: 3, available: 0), 10, 2, [8]),
    ([Member(replicas: 10, available: 10)], Member(replicas: 3, available: 0), 10, 0, [10]),
    // three ready: three may go
    ([Member(replicas: 10, available: 10)], Member(replicas: 3, available: 3), 10, 0, [7]),
    // pods that are not available go first, even without budget
    (
      [Member(replicas: 4, available: 1), Member(replicas: 6, available: 6)], Member(replicas: 10, available: 10), 10,
      0, [0, 0]
    ),
    (
      [Member(replicas: 4, available: 1), Member(replicas: 6, available: 6)], Member(replicas: 3, available: 3), 10, 0,
      [1, 6]
    ),
    ([Member(replicas: 0, available: 0)], Member(replicas: 1, available: 0), 1, 0, [0]),
    ([Member(replicas: 1, available: 1)], Member(replicas: 1, available: 0), 1, 0, [1]),
  ])
  func oldReplicas(old: [Member], new: Member, wanted: Int, unavailable: Int, expected: [Int]) {
    let numbers = RollingUpdate(maxSurge: 3, maxUnavailable: unavailable)
    #expect(numbers.oldReplicas(old, new: new, wanted: wanted) == expected)
  }

  /// Played to its end from any start, an update never has more than wanted + surge, never fewer available than wanted -
  /// unavailable, and ends.
  @Test(arguments: [(1, 1, 0), (10, 3, 2), (10, 0, 1), (7, 7, 0), (5, 1, 5), (3, 2, 1)])
  func rollsWithinBounds(wanted: Int, surge: Int, unavailable: Int) {
    let numbers = RollingUpdate(maxSurge: surge, maxUnavailable: unavailable)
    var old = Member(replicas: wanted, available: wanted)
    var new = Member(replicas: 0, available: 0)
    var steps = 0
    while (old.replicas > 0 || new.available < wanted) && steps < 200 {
      steps += 1
      new.replicas = numbers.newReplicas(new.replicas, total: old.replicas + new.replicas, wanted: wanted)
      old.replicas = numbers.oldReplicas([old], new: new, wanted: wanted)[0]
      old.available = min(old.available, old.replicas)
      #expect(old.replicas + new.replicas <= wanted + surge)
      #expect(old.available + new.available >= wanted - unavailable)
      if new.available < new.replicas { new.available += 1 }
    }
    #expect(old.replicas == 0 && new.replicas == wanted && steps < 200)
  }

  @Test(arguments: [
    ([10, 5], 30, 15, [20, 10]), ([10, 5], 6, 15, [4, 2]), ([5], 8, 5, [8]), ([3, 3], 0, 6, [0, 0]),
    ([1, 1], 3, 2, [2, 1]),
  ])
  func proportions(members: [Int], allowed: Int, formerly: Int, expected: [Int]) {
    let next = RollingUpdate.proportions(members, allowed: allowed, formerly: formerly)
    #expect(next.reduce(0, +) == allowed)
    #expect(next == expected)
  }
}
