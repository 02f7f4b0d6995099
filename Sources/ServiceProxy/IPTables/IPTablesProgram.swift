internal import Addressing
internal import Glibc
internal import Linux

/// Runs iptables-save and iptables-restore in one network namespace.
struct IPTablesProgram {
  /// Seconds that iptables may wait for its lock (exit status 4 beyond), and that all of it may take.
  private static let lockPatience = 10
  private static let patience = 300.0

  let variant: IPTablesVariant
  let namespace: NetworkNamespace?
  /// How many chains one call of iptables-restore should write or remove: with nf_tables its time grows with the square of
  /// their number, with ip_tables each call reads and writes the whole table.
  let chainsInACall: Int

  init(variant: IPTablesVariant, namespace: NetworkNamespace?) {
    self.variant = variant
    self.namespace = namespace
    chainsInACall = variant.resolved == .nft ? 1000 : .max
  }

  /// The chains of ours in a family, by table; nil where the table does not exist.
  func read(_ family: IPFamily) throws -> [IPTablesTable: IPTablesContents] {
    let program = variant.program(family, "save")
    let result = try run([program], "read the rules")
    return IPTablesContents.tables(in: result)
  }

  /// Table nat of a family, each rule with its counters.
  func readCounters(_ family: IPFamily) throws -> [UInt8] {
    try run([variant.program(family, "save"), "-c", "-t", IPTablesTable.nat.rawValue], "read the counters")
  }

  /// What the kernel tells of a list of xt_recent; nothing where there is none.
  func recentList(_ name: String) -> String {
    // /proc/net is that of the process that looks.
    let result = try? ChildProcess.run(["cat", "/proc/net/xt_recent/\(name)"], namespace: namespace, timeout: 10)
    return result?.output ?? ""
  }

  /// Applies restore input without touching other chains.
  func restore(_ family: IPFamily, _ text: String) throws {
    if text.isEmpty { return }
    let program = variant.program(family, "restore")
    _ = try run([program, "--noflush", "-w", "\(Self.lockPatience)"], input: Array(text.utf8), "write rules")
  }

  /// Whether a chain exists.
  func hasChain(_ family: IPFamily, _ table: IPTablesTable, _ chain: String) throws -> Bool {
    // `iptables-nft` lists one chain without reading the others.
    let base = variant.program(family, "").dropLast()
    return try process([String(base), "-w", "\(Self.lockPatience)", "-t", table.rawValue, "-S", chain]).status.isSuccess
  }

  private func process(_ argv: [String], input: [UInt8] = []) throws(IPTablesError) -> ChildProcess.Result {
    do {
      return try ChildProcess.run(argv, input: input, namespace: namespace, limit: 1 << 30, timeout: Self.patience)
    } catch {
      let remedy = error.code == ENOENT ? "; install the package iptables, or choose --services-backend nftables" : ""
      throw IPTablesError(description: "\(error)\(remedy)")
    }
  }

  private func run(
    _ argv: [String], input: [UInt8] = [], _ purpose: String
  ) throws(IPTablesError) -> [UInt8] {
    let result = try process(argv, input: input)
    guard result.status.isSuccess, !result.timedOut else {
      var reason = result.timedOut ? "did not end within \(Int(Self.patience)) s" : "\(result.status)"
      // `line N failed`: that line says more than its number.
      for line in result.errorOutput.split(separator: "\n").prefix(3) {
        reason += ", \(line)"
        guard let number = Self.lineNumber(in: line) else { continue }
        let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.indices.contains(number - 1) { reason += " (\(String(decoding: lines[number - 1], as: UTF8.self)))" }
      }
      // 4 is a resource problem (iptables(8)), such as its lock.
      throw IPTablesError(
        description: "\(argv[0]) could not \(purpose): \(reason)",
        isRefusal: [.exited(1), .exited(2)].contains(result.status) && !input.isEmpty)
    }
    return result.standardOutput
  }

  /// 7 of `line 7 failed` or `Error occurred at line: 7`.
  static func lineNumber(in text: Substring) -> Int? {
    let words = text.split { $0 == " " || $0 == ":" }
    guard let index = words.firstIndex(of: "line"), index + 1 < words.endIndex else { return nil }
    return Int(words[index + 1])
  }
}
