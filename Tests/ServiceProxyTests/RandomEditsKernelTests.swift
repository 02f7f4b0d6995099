import Addressing
import ClusterModel
import Glibc
import JSON
import Linux
import ServiceProxy
import Testing

/// Whatever others do to the table with nft is noticed and put right. Every run does other edits; a failure names the seed,
/// with which `SWIFTLET_EDITS_SEED` does the same again. `SWIFTLET_EDITS` makes them more.
@Suite(.serialized) struct RandomEditsKernelTests {
  static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

  /// What a table holds, by the oracle's names.
  struct Contents {
    var sets: [(kind: String, name: String)] = []
    var chains: [String] = []
    var rules: [(chain: String, handle: Int)] = []
    /// Set, and one of its elements as nft writes it.
    var elements: [(set: String, text: String)] = []

    init(_ node: TestNode) throws {
      let listing = node.run("node", "nft -j list table inet swiftlet-services").drop { $0 != "{" }
      for entry in try JSON(parsing: Array(listing.utf8))["nftables"].elements {
        if let name = entry["chain", "name"].string { chains.append(name) }
        if let chain = entry["rule", "chain"].string, let handle = entry["rule", "handle"].int {
          rules.append((chain, Int(handle)))
        }
        for kind in ["set", "map"] {
          guard let name = entry[kind, "name"].string else { continue }
          sets.append((kind, name))
          for element in entry[kind, "elem"].elements {
            let key = Self.text(kind == "map" ? element[0] : element)
            if let key { elements.append((name, key)) }
          }
        }
      }
    }

    /// An element's key; nil for what is written otherwise (slots, ranges).
    private static func text(_ value: JSON) -> String? {
      if let text = value.string { return text }
      if let number = value.int { return "\(number)" }
      if !value["elem", "val"].isNull { return text(value["elem", "val"]) }
      let parts = value["concat"].elements.map(text)
      return parts.isEmpty || parts.contains { $0 == nil } ? nil : parts.compactMap { $0 }.joined(separator: " . ")
    }
  }

  /// A command for `nft -f`.
  static func edit(_ contents: Contents, _ dice: inout SplitMix) -> String {
    let table = "inet swiftlet-services"
    let number = Int.random(in: 1...250, using: &dice)
    let set = contents.sets.randomElement(using: &dice)!
    let rule = contents.rules.randomElement(using: &dice)!
    let element = contents.elements.randomElement(using: &dice)!
    switch Int.random(in: 0..<16, using: &dice) {
    case 0, 1, 2: return "delete element \(table) \(element.set) { \(element.text) }"
    case 3: return "flush \(set.kind) \(table) \(set.name)"
    case 4: return "delete rule \(table) \(rule.chain) handle \(rule.handle)"
    case 5: return "flush chain \(table) \(rule.chain)"
    case 6: return "insert rule \(table) \(rule.chain) counter drop"
    case 7: return "add rule \(table) \(rule.chain) meta mark \(number) accept"
    case 8: return "replace rule \(table) \(rule.chain) handle \(rule.handle) counter"
    case 9: return "add chain \(table) foreign-\(number) { type filter hook input priority \(number); policy drop; }"
    case 10: return "add set \(table) foreign-\(number) { type ipv4_addr; elements = { 192.0.2.\(number) }; }"
    case 11: return "add element \(table) frontends4 { 10.96.99.\(number) . tcp . 80 : drop }"
    case 12:
      return "add element \(table) cluster-addresses4 { 198.51.100.\(number) }\n"
        + "add element \(table) node-pods4 { 203.0.113.\(number) }"
    case 13: return "delete table inet \(Bool.random(using: &dice) ? "swiftlet-services" : "swiftlet-masquerade")"
    case 14: return "flush ruleset"
    default: return "flush table \(table)"
    }
  }

  @Test func everyEditIsPutRight() throws {
    let seed = UInt64(Self.number("SWIFTLET_EDITS_SEED") ?? Int.random(in: 0...1_000_000))
    let count = Self.number("SWIFTLET_EDITS") ?? 60
    print("random edits: seed \(seed)")
    var dice = SplitMix(state: seed)
    let node = try TestNode("edits", pods: [:])
    let proxy = try ServiceProxy(OuterFrontendKernelTests.configuration, namespace: node.namespace)
    try proxy.sync(full: (0..<12).map { ServiceStateTests.random("s\($0)", &dice) })
    let reports = Reports()
    let watcher = try proxy.startWatching { reports.add("\($0)") }
    defer { watcher.stop() }
    func listing() -> [Substring] { TestNode.words(node.run("node", "nft -s list ruleset")) }
    let wanted = listing()
    let contents = { try Contents(node) }
    #expect(wanted.count > 300)

    var (done, longest) = (0, 0.0)
    var history: [String] = []
    for _ in 0..<count {
      // Up to three at once: the second may come while the first is being put right.
      let now = try contents()
      for _ in 0..<Int.random(in: 1...3, using: &dice) {
        let command = Self.edit(now, &dice)
        try FileDescriptor.open("/tmp/\(node.prefix)/edit", O_WRONLY | O_CREAT | O_TRUNC).writeAll(
          Array("\(command)\n".utf8))
        // What nft refuses (an element with a key it cannot read, a rule that is gone by now) changes nothing.
        let isDone = node.run("node", "nft -f /tmp/\(node.prefix)/edit") == ""
        if isDone { done += 1 }
        history.append((isDone ? "" : "refused: ") + command)
      }
      let begin = Time.monotonicSeconds
      while listing() != wanted, Time.monotonicSeconds - begin < 20 { usleep(5_000) }
      let took = Time.monotonicSeconds - begin
      longest = max(longest, took)
      guard took < 20 else {
        let (is_, shall) = (listing(), wanted)
        let extra = is_.filter { !shall.contains($0) }.prefix(20)
        let missing = shall.filter { !is_.contains($0) }.prefix(20)
        Issue.record(
          "seed \(seed): not put right: \(history.suffix(4)); there \(extra), missing \(missing); \(reports.all.suffix(3))"
        )
        break
      }
    }
    print("random edits: \(done) of \(history.count) taken by nft, the longest until all was as before \(longest) s")
    #expect(done > count / 2, "\(history)")
    #expect(!reports.all.contains { $0.contains("could not be repaired") }, "\(reports.all)")
    // Nothing is left to repair, and nothing was repaired for nothing afterwards.
    let elements = proxy.statistics.elements
    try proxy.repair()
    #expect(proxy.statistics.elements == elements)
  }
}
