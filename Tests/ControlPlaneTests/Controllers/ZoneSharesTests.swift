import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// Hints in proportion to the zones' CPU (KEP-2433).
@Suite struct ZoneSharesTests {
  typealias Plan = EndpointSlicePlan

  static func node(_ name: String, _ zone: String?, cpu: JSON, labels: [String: String] = [:]) -> KubernetesObject {
    var node = Samples.node(name, labels: labels, allocatable: ["cpu": cpu])
    node.labels["topology.kubernetes.io/zone"] = zone
    return node
  }

  static func shares(_ cpus: [String: Int]) throws -> ZoneShares {
    try ZoneShares(nodes: cpus.map { node($0.key, $0.key, cpu: .int(Int64($0.value))) })
  }

  /// Endpoints of zones, numbered from `first` on.
  static func group(_ zones: [String: Int], unready: Int = 0) -> Plan.Group {
    var endpoints: [Plan.Endpoint] = []
    for (zone, count) in zones.sorted(by: { $0.key < $1.key }) {
      for number in 0..<count {
        let isReady = number >= unready
        endpoints.append(
          Plan.Endpoint(
            identity: "\(zone)-\(1000 + number)",
            json: [
              "addresses": [.string("\(zone)-\(number)")], "zone": .string(zone),
              "conditions": ["ready": .bool(isReady)],
            ]))
      }
    }
    return Plan.Group(addressType: "IPv4", ports: [], endpoints: endpoints)
  }

  static func hinted(_ plan: Plan) -> [String: Int] {
    let all = plan.create + plan.update.values + plan.unchanged.values
    let zones = all.flatMap(\.endpoints).compactMap { $0.hints["forZones"][0]["name"].string }
    return Dictionary(grouping: zones) { $0 }.mapValues(\.count)
  }

  static func slices(_ plan: Plan) -> [Plan.Slice] {
    var slices = plan.update.merging(plan.unchanged) { first, _ in first }
    for (index, content) in plan.create.enumerated() { slices["new\(index)"] = content }
    return slices.map {
      Plan.Slice(name: $0.key, addressType: $0.value.addressType, ports: $0.value.ports, endpoints: $0.value.endpoints)
    }
  }

  @Test(
    arguments: [
      (["a": 1, "b": 1], ["a": 3, "b": 3], ["a": 3, "b": 3]), (["a": 1, "b": 1], ["a": 5, "b": 1], ["a": 3, "b": 3]),
      (["a": 1, "b": 1], ["a": 6], ["a": 3, "b": 3]), (["a": 3, "b": 1], ["a": 2, "b": 6], ["a": 6, "b": 2]),
      // A zone without nodes serves others.
      (["a": 1, "b": 1], ["a": 2, "b": 2, "c": 2], ["a": 3, "b": 3]),
      // A difference of less than a whole endpoint moves nothing.
      (["a": 1, "b": 1], ["a": 4, "b": 3], ["a": 4, "b": 3]),
    ] as [([String: Int], [String: Int], [String: Int])])
  func proportions(cpus: [String: Int], endpoints: [String: Int], expected: [String: Int]) throws {
    let shares = try Self.shares(cpus)
    var plan = Plan(groups: [Self.group(endpoints)], existing: [], keepsHints: true)
    try plan.assignZones("IPv4", shares)
    #expect(Self.hinted(plan) == expected)
    // Once they are given there is nothing to do.
    var again = Plan(groups: [Self.group(endpoints)], existing: Self.slices(plan), keepsHints: true)
    try again.assignZones("IPv4", shares)
    #expect(again.isEmpty)
    again.removeHints("IPv4")
    #expect(again.update.count == 1 && Self.hinted(again).isEmpty)
  }

  @Test func unchangedSlicesKeepTheirHints() throws {
    let shares = try Self.shares(["a": 1, "b": 1])
    var plan = Plan(groups: [Self.group(["a": 6])], existing: [], maximum: 3, keepsHints: true)
    try plan.assignZones("IPv4", shares)
    let before = Self.slices(plan)
    // One endpoint more: only one slice is written.
    var next = Plan(groups: [Self.group(["a": 7])], existing: before, maximum: 3, keepsHints: true)
    try next.assignZones("IPv4", shares)
    #expect(next.create.count == 1 && next.update.isEmpty)
  }

  @Test func thoseNotReadyHaveNoHints() throws {
    var plan = Plan(groups: [Self.group(["a": 4, "b": 4], unready: 1)], existing: [], keepsHints: true)
    try plan.assignZones("IPv4", Self.shares(["a": 1, "b": 1]))
    #expect(Self.hinted(plan) == ["a": 3, "b": 3])
  }

  @Test func refusals() throws {
    typealias Refusal = ZoneShares.Refusal
    let good = Self.node("g", "a", cpu: "2")
    #expect(throws: Refusal.tooFewZones(1)) { try ZoneShares(nodes: [good]) }
    #expect(throws: Refusal.incompleteNode("x")) { try ZoneShares(nodes: [good, Self.node("x", nil, cpu: 1)]) }
    #expect(throws: Refusal.incompleteNode("x")) { try ZoneShares(nodes: [good, Self.node("x", "b", cpu: 0)]) }
    let controlPlane = Self.node("c", nil, cpu: 1, labels: ["node-role.kubernetes.io/control-plane": ""])
    var silent = Self.node("s", nil, cpu: 1)
    silent.status["conditions"] = [["type": "Ready", "status": "Unknown"]]
    let shares = try ZoneShares(nodes: [good, Self.node("h", "b", cpu: "1500m"), controlPlane, silent])
    #expect(shares.shares == ["a": 2 / 3.5, "b": 1.5 / 3.5])
    let three = try Self.shares(["a": 1, "b": 1, "c": 1])
    #expect(throws: Refusal.tooFewEndpoints(2, zones: 3)) { try three.allocations(2) }
    // Three small zones need one each, the large one three at least.
    #expect(throws: Refusal.overload(endpoints: 4, zones: 4)) {
      try Self.shares(["a": 9, "b": 1, "c": 1, "d": 1]).allocations(4)
    }
    var plan = Plan(groups: [Self.group(["": 4])], existing: [], keepsHints: true)
    #expect(throws: (any Error).self) { try plan.assignZones("IPv4", shares) }
  }

  @Test func allocationsLeaveTwentyPercent() throws {
    let allocations = try Self.shares(["a": 1, "b": 1]).allocations(12)
    #expect(allocations["a"] == ZoneShares.Allocation(desired: 6, minimum: 5, maximum: 7))
  }
}
