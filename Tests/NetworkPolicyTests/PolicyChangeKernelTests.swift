import JSON
import Linux
import NetworkPolicy
import Testing

/// Random changes sent to a kernel one by one leave the table that a fresh start writes, whatever came before.
@Suite(.serialized) struct PolicyChangeKernelTests {
  /// A table by content, read by nft: every set by its comment and elements, every chain by its rules; names are replaced
  /// by what they stand for, counters and generations left out.
  private func contents(of namespace: NetworkNamespace) throws -> [String] {
    let result = try ChildProcess.run(
      ["nft", "-j", "list", "table", "inet", PolicyEnforcer.tableName], namespace: namespace)
    let entries = try JSON(parsing: result.standardOutput)["nftables"].elements
    func text(_ json: JSON) -> String { String(decoding: json.bytes(), as: UTF8.self) }
    var names: [String: String] = [:]
    var maps: [JSON] = []
    for entry in entries {
      let set = entry["set"]
      if let name = set["name"].string, name != "generation" {
        names["@" + name] =
          "\(name.prefix { !$0.isNumber }) \(text(set["comment"])) \(set["elem"].elements.map(text).sorted())"
      }
      if !entry["map"].isNull { maps.append(entry["map"]) }
    }
    func named(_ text: String) -> String {
      names.reduce(text) { $0.replacing("\"\($1.key)\"", with: "<\($1.value)>") }
    }
    var chains: [String: [String]] = [:]
    for entry in entries {
      let rule = entry["rule"]
      guard let chain = rule["chain"].string else { continue }
      let statements = rule["expr"].elements.filter { $0["counter"].isNull }.map(text)
      guard chain != "forward" else { continue }
      chains[chain, default: []].append(named(([rule["comment"].string ?? ""] + statements).joined(separator: " ")))
    }
    var lines = chains.filter { !$0.key.contains("-") }.map { "\($0.key) \($0.value)" }
    for map in maps {
      for element in map["elem"].elements {
        let target = element[1]["jump", "target"].string ?? "?"
        lines.append("\(map["name"]) \(text(element[0])) \(chains[target] ?? ["no chain"])")
      }
    }
    lines += chains.filter { $0.key.contains("-") }.map { "\($0.value)" }
    return (lines + names.values).sorted()
  }

  @Test(arguments: 100..<104)
  func changesAddUp(seed: UInt64) throws {
    let changed = try NetworkNamespace.create()
    let fresh = try NetworkNamespace.create()
    var world = PolicyPropertyTests.World(random: .init(state: seed))
    try world.cluster.node("n1", address: "192.168.0.1", ranges: "10.1.0.0/24", "fd00:1::/64")
    let enforcer = try PolicyEnforcer(node: "n1", namespace: changed)
    try enforcer.sync(world.cluster.state)
    for step in 1...60 {
      let count = Int.random(in: 1...4, using: &world.random)
      let keys = try (0..<count).map { _ in try world.step() }
      let refusal = try enforcer.update(keys, world.cluster.state)
      #expect(refusal.map { "\($0)" } == nil)
      guard step % 12 == 0 else { continue }
      try PolicyEnforcer(node: "n1", namespace: fresh).sync(world.cluster.state)
      let (found, wanted) = (try contents(of: changed), try contents(of: fresh))
      let difference = zip(found, wanted).first { $0 != $1 }
      #expect(found.count == wanted.count && difference == nil, "step \(step)")
      #expect(wanted.count >= 7)
    }
  }
}
