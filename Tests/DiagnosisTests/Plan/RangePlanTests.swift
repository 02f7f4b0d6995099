import Addressing
import Diagnosis
import Testing

@Suite struct RangePlanTests {
  struct Case: Sendable {
    var nodes = "192.168.77.0/24"
    var pods = "10.244.0.0/16"
    var services = "10.96.0.0/16"
    var nodeCount = 3
    var taken: [PlannedRange] = []
    /// Pieces of the error, each of which must occur; empty: the plan is good.
    var problems: [String] = []
  }

  static func plan(_ example: Case) throws -> RangePlan {
    try RangePlan(
      nodes: PlannedRange(.node, parsing: example.nodes, from: "the default"),
      pods: PlannedRange(.pod, parsing: example.pods, from: "--pod-range"),
      services: PlannedRange(.service, parsing: example.services, from: "--service-range"),
      nodeCount: example.nodeCount, nodeAddresses: example.nodeCount + 12, taken: example.taken)
  }

  @Test(arguments: [
    Case(),
    Case(pods: "10.0.0.0/10", nodeCount: 100),
    Case(pods: "10.244.0.0/24", nodeCount: 1),
    Case(services: "10.96.0.0/12"),
    Case(services: "10.96.0.0/28"),
    Case(nodes: "fd00:1::/64", pods: "fd00:2::/48", services: "fd00:3::/108"),
    Case(
      pods: "10.96.0.0/12",
      problems: [
        "pod range 10.96.0.0/12 (from --pod-range) contains service range 10.96.0.0/16 (from --service-range)"
      ]),
    Case(pods: "192.168.0.0/16", problems: ["node range 192.168.77.0/24 (from the default) lies within pod range"]),
    Case(
      pods: "10.96.0.0/16",
      problems: [
        "pod range 10.96.0.0/16 (from --pod-range) is the same as service range 10.96.0.0/16 (from --service-range)"
      ]),
    Case(
      pods: "203.0.112.0/20",
      taken: [PlannedRange(.reserved, Prefix("203.0.113.0/24")!, from: "the lab's outside world")],
      problems: [
        "reserved range 203.0.113.0/24 (from the lab's outside world) lies within pod range 203.0.112.0/20 (from --pod-range)"
      ]),
    Case(pods: "10.244.0.0/23", problems: ["room for 2 nodes of /24 each, but 3 are asked for"]),
    Case(pods: "10.244.0.0/25", nodeCount: 1, problems: ["is smaller than the /24 each node gets"]),
    Case(pods: "fd00:2::/32", problems: ["more than 65536 parts of /64", "is IPv6 and node range"]),
    Case(nodes: "192.168.77.0/28", problems: ["holds 16 addresses, but 17 are needed"]).with(nodeCount: 5),
    Case(services: "10.96.0.0/11", problems: ["larger than the 20 bits", "choose /12 or longer"]),
    Case(services: "10.96.0.0/29", problems: ["has 8 addresses", "choose /28 or shorter"]),
    Case(pods: "127.0.0.0/16", problems: ["overlaps 127.0.0.0/8, which is loopback"]),
    Case(pods: "10.244.0.1/16", problems: ["pod range from --pod-range", "did you mean 10.244.0.0/16?"]),
    Case(pods: "ten", problems: ["pod range from --pod-range: \"ten\", character 4"]),
  ]) func plans(_ example: Case) {
    do {
      let plan = try Self.plan(example)
      #expect(example.problems.isEmpty, "accepted \(plan)")
    } catch {
      let text = "\(error)"
      #expect(!example.problems.isEmpty, "refused: \(text)")
      for problem in example.problems { #expect(text.contains(problem), "\(text)") }
    }
  }

  @Test func addressesOfAGoodPlan() throws {
    let plan = try Self.plan(Case())
    #expect(plan.podRange(ofNode: 0) == Prefix("10.244.0.0/24"))
    #expect(plan.podRange(ofNode: 2) == Prefix("10.244.2.0/24"))
    #expect(plan.podRange(ofNode: 256) == nil)
    #expect(plan.apiServiceAddress == IPAddress("10.96.0.1"))
    #expect(plan.dnsServiceAddress == IPAddress("10.96.0.10"))
  }

  static func dual(
    nodes: [String] = ["192.168.77.0/24", "fd00:77::/64"], pods: [String] = ["10.244.0.0/16", "fd00:244::/56"],
    services: [String] = ["10.96.0.0/16", "fd00:96::/112"]
  ) throws -> RangePlan {
    func ranges(_ role: PlannedRange.Role, _ texts: [String]) throws -> [PlannedRange] {
      try texts.map { try PlannedRange(role, parsing: $0, from: "--\(role.rawValue)-range") }
    }
    return try RangePlan(
      nodes: ranges(.node, nodes), pods: ranges(.pod, pods), services: ranges(.service, services), nodeCount: 3,
      nodeAddresses: 15)
  }

  @Test func bothFamilies() throws {
    let plan = try Self.dual()
    #expect(plan.families == [.v4, .v6])
    #expect(plan.podRange(ofNode: 2) == Prefix("10.244.2.0/24"))
    #expect(plan.podRange(ofNode: 2, family: .v6) == Prefix("fd00:244:0:2::/64"))
    #expect(plan.podRange(ofNode: 256, family: .v6) == nil)
    #expect(plan.prefix(.service, .v6) == Prefix("fd00:96::/112"))
    #expect(plan.apiServiceAddresses == [IPAddress("10.96.0.1"), IPAddress("fd00:96::1")])
    #expect(plan.dnsServiceAddresses == [IPAddress("10.96.0.10"), IPAddress("fd00:96::a")])
  }

  @Test(arguments: [
    (["10.96.0.0/16"], "same families"), (["fd00:96::/112", "10.96.0.0/16"], "same order"),
    (["10.96.0.0/16", "10.97.0.0/16"], "second IPv4 range"), ([], "missing"),
    (["10.96.0.0/16", "fd00:244:0:1::/112"], "pod range fd00:244::/56 (from --pod-range) contains service range"),
  ]) func familiesThatDoNotMatch(services: [String], _ problem: String) throws {
    let error = #expect(throws: RangePlanError.self) { try Self.dual(services: services) }
    #expect(error?.description.contains(problem) == true, "\(error!)")
  }

  @Test func everyProblemIsNamedAtOnce() throws {
    let error = #expect(throws: RangePlanError.self) {
      try Self.plan(Case(nodes: "10.0.0.0/8", pods: "10.0.0.0/8", services: "10.0.0.0/8"))
    }
    let overlaps = error?.problems.filter { $0.contains("is the same as") } ?? []
    #expect(overlaps.count == 3)
  }
}

extension RangePlanTests.Case {
  func with(nodeCount: Int) -> Self {
    var copy = self
    copy.nodeCount = nodeCount
    return copy
  }
}
