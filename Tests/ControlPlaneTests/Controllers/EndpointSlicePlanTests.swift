import JSON
import Testing

@testable import ControlPlane

@Suite struct EndpointSlicePlanTests {
  typealias Plan = EndpointSlicePlan
  static let ports: JSON = [["name": "", "port": 80, "protocol": "TCP"]]

  static func endpoint(_ number: Int, ready: Bool = true) -> Plan.Endpoint {
    Plan.Endpoint(identity: "\(number)", json: ["addresses": [.string("10.0.0.\(number)")], "ready": .bool(ready)])
  }
  static func slice(_ name: String, _ numbers: some Sequence<Int>, ports: JSON = ports) -> Plan.Slice {
    Plan.Slice(name: name, addressType: "IPv4", ports: ports, endpoints: numbers.map { endpoint($0) })
  }
  static func group(_ numbers: some Sequence<Int>, ports: JSON = ports) -> Plan.Group {
    Plan.Group(addressType: "IPv4", ports: ports, endpoints: numbers.map { endpoint($0) })
  }

  @Test func nothingChangesWhenAllIsThere() {
    let plan = Plan(groups: [Self.group(0..<5)], existing: [Self.slice("a", 0..<3), Self.slice("b", 3..<5)])
    #expect(plan.create.isEmpty && plan.update.isEmpty && plan.delete.isEmpty)
  }

  @Test func noEndpointsIsOneEmptySlice() {
    let plan = Plan(groups: [Self.group([], ports: [])], existing: [])
    #expect(plan.create == [Plan.Content(addressType: "IPv4", ports: [], endpoints: [])])
    let kept = Plan(groups: [Self.group([], ports: [])], existing: [Self.slice("a", [], ports: [])])
    #expect(kept.create.isEmpty && kept.update.isEmpty && kept.delete.isEmpty)
  }

  @Test func aChangedConditionIsWrittenInPlace() {
    var group = Self.group(0..<4)
    group.endpoints[3] = Self.endpoint(3, ready: false)
    let plan = Plan(groups: [group], existing: [Self.slice("a", 0..<2), Self.slice("b", 2..<4)])
    #expect(Array(plan.update.keys) == ["b"])
    #expect(plan.update["b"]?.endpoints[1].json["ready"] == false)
  }

  @Test func newOnesFillSlicesThatChangeAnyway() {
    // "a" loses 0 and so takes 4; "b" is left alone.
    let plan = Plan(
      groups: [Self.group(1..<5)], existing: [Self.slice("a", 0..<2), Self.slice("b", 2..<4)], maximum: 2)
    #expect(Array(plan.update.keys) == ["a"])
    #expect(plan.update["a"]?.endpoints.count == 2)
    #expect(plan.create.isEmpty && plan.delete.isEmpty)
  }

  @Test func theRestGoesWhereItFitsBest() {
    let existing = [Self.slice("a", 0..<2), Self.slice("b", 10..<13), Self.slice("c", 20..<24)]
    let plan = Plan(groups: [Self.group([0, 1, 10, 11, 12, 20, 21, 22, 23, 30, 31])], existing: existing, maximum: 5)
    #expect(Array(plan.update.keys) == ["b"])
  }

  @Test func slicesOfOtherPortsAreRecycled() {
    let other: JSON = [["name": "", "port": 81, "protocol": "TCP"]]
    let plan = Plan(groups: [Self.group(0..<2, ports: other)], existing: [Self.slice("a", 0..<2)])
    #expect(plan.create.isEmpty && plan.delete.isEmpty)
    #expect(plan.update["a"]?.ports == other)
  }

  @Test func anEndpointThatStandsTwiceIsLeftOnce() {
    let plan = Plan(groups: [Self.group(0..<2)], existing: [Self.slice("a", 0..<2), Self.slice("b", 1..<2)])
    #expect(plan.delete == ["b"])
    #expect(plan.update.isEmpty)
  }

  @Test func aWholeNewSliceComesBeforeTheBestFit() {
    let existing = [Self.slice("a", 0..<2)]
    let plan = Plan(groups: [Self.group(0..<9)], existing: existing, maximum: 5)
    #expect(plan.create.map(\.endpoints.count) == [5])
    #expect(plan.update.mapValues(\.endpoints.count) == ["a": 4])
  }

  @Test func anEmptiedSliceIsDeletedUnlessOneIsCreated() {
    let existing = [Self.slice("a", 0..<2), Self.slice("b", 2..<4)]
    let deleted = Plan(groups: [Self.group(2..<5)], existing: existing, maximum: 5)
    #expect(deleted.delete == ["a"] && deleted.update.mapValues(\.endpoints.count) == ["b": 3])
    let recycled = Plan(groups: [Self.group(2..<9)], existing: existing, maximum: 4)
    #expect(recycled.delete.isEmpty && recycled.create.isEmpty)
    #expect(recycled.update.mapValues(\.endpoints.count) == ["a": 4, "b": 3])
  }

  @Test func slicesOfAnEarlierServiceAreDeletedNotTakenOver() {
    var stale = Self.slice("a", 0..<2)
    stale.isForeign = true
    let plan = Plan(groups: [Self.group(0..<2)], existing: [stale])
    #expect(plan.delete == ["a"] && plan.create.count == 1 && plan.update.isEmpty)
  }

  @Test func thePlaceholderBecomesTheFirstSlice() {
    let placeholder = Self.slice("a", [], ports: [])
    let plan = Plan(groups: [Self.group(0..<2)], existing: [placeholder])
    #expect(plan.create.isEmpty && plan.delete.isEmpty && plan.update["a"]?.ports == Self.ports)
    let portless = Plan(groups: [Self.group(0..<2, ports: [])], existing: [placeholder])
    #expect(portless.create.isEmpty && portless.delete.isEmpty && portless.update["a"]?.endpoints.count == 2)
  }

  @Test func anOutdatedSliceIsWrittenWithItsEndpoints() {
    var slice = Self.slice("a", 0..<2)
    slice.isOutdated = true
    let plan = Plan(groups: [Self.group(0..<3)], existing: [slice, Self.slice("b", [])])
    #expect(plan.update["a"]?.endpoints.map(\.identity) == ["0", "1", "2"])
  }

  /// Whatever changes, in whatever steps: after each plan the slices hold exactly the wanted endpoints, none twice, none
  /// lost, no slice above its size; and a second plan has nothing to do.
  @Test(arguments: 0..<64)
  func slicesHoldWhatIsWanted(seed: Int) {
    var generator = SplitMix(state: UInt64(seed))
    let maximum = [1, 3, 7, 100][seed % 4]
    let otherPorts: JSON = [["name": "x", "port": 81, "protocol": "UDP"]]
    var slices: [Plan.Slice] = []
    var wanted: [Set<Int>] = [[], []]
    var serial = 0
    for _ in 0..<12 {
      for index in wanted.indices {
        for _ in 0..<Int.random(in: 0...(2 * maximum + 3), using: &generator) {
          let number = Int.random(in: 0..<300, using: &generator)
          if Bool.random(using: &generator) { wanted[index].insert(number) } else { wanted[index].remove(number) }
        }
      }
      let groups = [
        Self.group(wanted[0].sorted()), Self.group(wanted[1].sorted(), ports: otherPorts),
      ].filter { !$0.endpoints.isEmpty }
      let all = groups.isEmpty ? [Self.group([], ports: [])] : groups
      let plan = Plan(groups: all, existing: slices, maximum: maximum)
      #expect(
        plan.create.count + plan.update.count + plan.delete.count
          == Self.statedWrites(wanted, [Self.ports, otherPorts], slices, maximum))
      slices = Self.apply(plan, to: slices, &serial)
      for (index, ports) in [Self.ports, otherPorts].enumerated() {
        let held = slices.filter { $0.ports == ports }.flatMap { $0.endpoints.map(\.identity) }
        #expect(held.count == wanted[index].count)
        #expect(Set(held) == Set(wanted[index].map { "\($0)" }))
      }
      #expect(slices.allSatisfy { $0.endpoints.count <= maximum })
      #expect(slices.count { $0.endpoints.isEmpty } == (groups.isEmpty ? 1 : 0))
      let again = Plan(groups: all, existing: slices, maximum: maximum)
      #expect(again.create.isEmpty && again.update.isEmpty && again.delete.isEmpty)
    }
  }

  /// How many writes the algorithm takes as it is stated, counted with numbers of endpoints alone.
  static func statedWrites(_ wanted: [Set<Int>], _ ports: [JSON], _ slices: [Plan.Slice], _ maximum: Int) -> Int {
    var created = 0
    var updated = 0
    var deleted = slices.count { slice in !zip(ports, wanted).contains { $0 == slice.ports && !$1.isEmpty } }
    for (ports, wanted) in zip(ports, wanted) where !wanted.isEmpty {
      var missing = wanted.count
      var room = 0
      var unchanged: [Int] = []
      for slice in slices where slice.ports == ports {
        let kept = slice.endpoints.count { wanted.contains(Int($0.identity)!) }
        missing -= kept
        if kept == 0 {
          deleted += 1
        } else if kept < slice.endpoints.count {
          updated += 1
          room += maximum - kept
        } else {
          unchanged.append(kept)
        }
      }
      missing = max(0, missing - room)
      while missing > 0 {
        if missing < maximum, unchanged.contains(where: { $0 + missing <= maximum }) {
          updated += 1
          missing = 0
        } else {
          created += 1
          missing -= min(missing, maximum)
        }
      }
    }
    // Nobody at all: one slice says so.
    if wanted.allSatisfy(\.isEmpty) {
      let hasPlaceholder = slices.contains { $0.ports == [] }
      if hasPlaceholder { deleted -= 1 } else { created += 1 }
    }
    let recycled = min(created, deleted)
    return created + deleted + updated - recycled
  }

  static func apply(_ plan: Plan, to slices: [Plan.Slice], _ serial: inout Int) -> [Plan.Slice] {
    var next = slices.filter { !plan.delete.contains($0.name) }
    for index in next.indices {
      guard let content = plan.update[next[index].name] else { continue }
      next[index].ports = content.ports
      next[index].endpoints = content.endpoints
    }
    for content in plan.create {
      serial += 1
      next.append(
        Plan.Slice(
          name: "new\(serial)", addressType: content.addressType, ports: content.ports,
          endpoints: content.endpoints))
    }
    return next
  }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
