import Glibc
import Testing

@testable import Lab

/// A handful of the combinations that `make combinations` tries all of, chosen so that each way between nodes, each wiring,
/// each set of families and each underlay comes up once: every check of the lab must pass.
@Suite(.serialized) struct CombinationsKernelTests {
  struct Combination: Sendable, CustomTestStringConvertible {
    var routing: String
    var wiring: String
    var family: String
    var underlay: String
    /// Checks that are made: those of both families count twice.
    var checks: Int
    var testDescription: String { "\(routing), \(wiring), family \(family), \(underlay)" }
  }

  @Test(arguments: [
    Combination(routing: "vxlan", wiring: "routed", family: "46", underlay: "routed", checks: 33),
    Combination(routing: "host-gw", wiring: "bridge", family: "6", underlay: "flat", checks: 18),
    Combination(routing: "cross-subnet", wiring: "bridge-shared", family: "64", underlay: "routed", checks: 33),
  ]) func everyCheckPasses(_ combination: Combination) throws {
    let program = try Program("k")
    defer { _ = try? program.run("lab", "down") }
    let up = try program.run(
      "lab", "up", "--nodes", combination.underlay == "routed" ? "3" : "2", "--routing", combination.routing,
      "--wiring", combination.wiring, "--family", combination.family, "--underlay", combination.underlay,
      Program.repository + "/examples/small")
    #expect(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    #expect(up.output.contains("\n\(combination.checks) checks passed in "), "\(up.output)")
  }
}
