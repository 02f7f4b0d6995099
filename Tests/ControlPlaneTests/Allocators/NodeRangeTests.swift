import Addressing
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct NodeRangeTests {
  private static func ranges(_ families: (String, Int)...) -> NodeRanges {
    NodeRanges(families.map { PodRangeAllocator(clusterRange: Prefix($0.0)!, length: $0.1) })
  }

  @Test(arguments: [
    ("10.244.0.0/16", 24, 256), ("10.244.0.0/16", 26, 1024), ("10.244.0.0/24", 28, 16), ("10.244.0.0/24", 24, 1),
    ("10.244.0.0/24", 23, 0), ("fd00::/48", 64, 65536), ("fd00::/56", 64, 256), ("fd00::/104", 120, 65536),
  ]) func masks(range: String, length: Int, count: Int) {
    var ranges = Self.ranges((range, length))
    let few = min(count, 300)
    var seen: Set<Prefix> = []
    for index in 0..<few {
      let given = ranges.allocate(node: "n\(index)")?.first
      #expect(given.map { Prefix(range)!.contains($0) && $0.length == length && seen.insert($0).inserted } == true)
    }
    #expect((ranges.allocate(node: "one more") != nil) == (count > few))
    #expect(ranges.allocators[0].capacity == UInt128(count))
  }

  @Test func aFullFamilyTakesNothingOfTheOther() {
    var ranges = Self.ranges(("10.244.0.0/16", 24), ("fd00::/63", 64))
    #expect(ranges.allocate(node: "a")?.count == 2)
    #expect(ranges.allocate(node: "b")?.count == 2)
    for _ in 0..<1000 { #expect(ranges.allocate(node: "c") == nil) }
    #expect(ranges.allocators.map(\.count) == [2, 2])
    ranges.release(node: "a")
    #expect(ranges.allocate(node: "c")?.map(\.description) == ["10.244.2.0/24", "fd00::/64"])
  }

  @Test func whatANodeHasReplacesWhatItWasOffered() {
    var ranges = Self.ranges(("10.244.0.0/22", 24))
    let offered = ranges.allocate(node: "a")
    #expect(ranges.allocate(node: "a") == offered)
    // Somebody else was quicker.
    ranges.hold([Prefix("10.244.2.0/23")!], node: "a")
    ranges.hold([Prefix("10.244.2.0/23")!], node: "a")
    #expect(ranges.allocators[0].count == 2)
    #expect(ranges.allocate(node: "b")?.first?.description == "10.244.1.0/24")
    ranges.release(node: "a")
    #expect(ranges.allocators[0].count == 1)
  }

  @Test func aRangeIsFreeWhenNobodyIsLeft() {
    var ranges = Self.ranges(("10.244.0.0/22", 24))
    ranges.reserve(Prefix("10.244.0.0/23")!)
    ranges.hold([Prefix("10.244.1.0/24")!], node: "in the Service range")
    ranges.hold([Prefix("10.244.2.0/24")!], node: "a")
    ranges.hold([Prefix("10.244.2.0/24")!], node: "b")
    ranges.release(node: "in the Service range")
    ranges.release(node: "a")
    #expect(ranges.allocate(node: "c")?.first?.description == "10.244.3.0/24")
    #expect(ranges.allocate(node: "d") == nil)
    ranges.release(node: "b")
    #expect(ranges.allocate(node: "d")?.first?.description == "10.244.2.0/24")
    ranges.free(Prefix("10.244.0.0/23")!)
    #expect(ranges.allocators[0].count == 2)
  }

  /// Nodes come, go, claim ranges of their own and lose races; what is held is always what the nodes have.
  @Test func nothingLeaksAndNothingIsGivenTwice() {
    var ranges = Self.ranges(("10.244.0.0/20", 24), ("fd00::/61", 64))
    ranges.reserve(Prefix("10.244.3.0/24")!)
    var nodes: [String: [Prefix]] = [:]
    for _ in 0..<20_000 {
      let node = "n\(Int.random(in: 0..<12))"
      switch Int.random(in: 0..<4) {
      case 0:
        ranges.release(node: node)
        nodes[node] = nil
      case 1:
        let own = [Prefix("10.244.\(Int.random(in: 0..<16)).0/24")!]
        ranges.hold(own, node: node)
        nodes[node] = own
      default:
        guard let given = ranges.allocate(node: node) else { continue }
        if nodes[node] == nil {
          for other in nodes.values.joined() { #expect(!given.contains { $0.overlaps(other) }) }
          #expect(!given.contains { $0.overlaps(Prefix("10.244.3.0/24")!) })
        } else {
          #expect(nodes[node] == given)
        }
        nodes[node] = given
      }
      #expect(ranges.held == nodes)
      let all = Set(nodes.values.joined())
      #expect(ranges.allocators[0].count == all.filter { $0.family == .v4 }.union([Prefix("10.244.3.0/24")!]).count)
      #expect(ranges.allocators[1].count == all.filter { $0.family == .v6 }.count)
    }
  }

  @Test func exhaustionIsToldAndEnds() throws {
    var options = ControllerOptions()
    options.podRanges = [
      .init(Prefix("10.244.0.0/22")!, nodeLength: 24), .init(Prefix("fd00:244::/56")!, nodeLength: 64),
    ]
    options.occupiedRanges = [Prefix("10.244.0.0/24")!]
    options.serviceRanges = [Prefix("10.96.0.0/16")!]
    let cluster = try ClusterFixture(nodes: ["n1"], options: options)
    defer { cluster.stop() }
    let client = cluster.client
    // A range that comes live is occupied too.
    var range = KubernetesObject(.serviceCIDRs, name: "more")
    range.spec["cidrs"] = ["10.244.2.0/24"]
    func has(_ node: String) throws -> [String] {
      try client.get(.nodes, name: node).spec["podCIDRs"].elements.compactMap(\.string)
    }
    try cluster.eventually("a range of each family") { try has("n1").count == 2 }
    #expect(try has("n1") == ["10.244.1.0/24", "fd00:244::/64"])
    try client.create(.serviceCIDRs, range)
    try cluster.eventually("held") { try client.get(.serviceCIDRs, name: "more").isTrue("Ready") }
    try cluster.addNode("n2")
    try cluster.eventually("the next") { try has("n2").count == 2 }
    #expect(try has("n2") == ["10.244.3.0/24", "fd00:244:0:1::/64"])
    try cluster.addNode("n3")
    try cluster.eventually("told") {
      try cluster.list(.events).contains {
        $0.json["reason"] == "CIDRNotAvailable" && $0.json["involvedObject", "name"] == "n3"
      }
    }
    #expect(try has("n3").isEmpty)
    try client.delete(.nodes, name: "n1")
    try cluster.eventually("what came back is given") { try has("n3").count == 2 }
    #expect(try has("n3") == ["10.244.1.0/24", "fd00:244:0:2::/64"])
  }
}
