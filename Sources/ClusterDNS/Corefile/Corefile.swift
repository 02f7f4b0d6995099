package import Addressing

/// A CoreDNS Corefile, read for what can be honoured of it.
package struct Corefile: Sendable {
  /// What is not honoured, by line, in the order of the lines.
  package private(set) var notices: [CorefileError] = []
  package private(set) var blocks: [BlockRules] = []
  /// The cluster's zone that the `kubernetes` plugin names; nil where no block has one.
  package var clusterDomain: String?
  /// Addresses of `bind`; empty for all.
  package var addresses: [IPAddress] = []
  /// Ports of DNS over UDP and TCP that the blocks name.
  package var ports: Set<UInt16> = []
  /// `health`, `ready` and `prometheus`: where they listen; nil for not at all.
  package var health: AddressAndPort?
  package var ready: AddressAndPort?
  package var metrics: AddressAndPort?
  /// Seconds that `health` says that all is well before the server stops (`lameduck`).
  package var lameduck = 0
  /// Seconds between two looks at the file (`reload`); nil for never.
  package var reloadInterval: Int?

  /// What a Corefile may refer to.
  package struct Surroundings {
    /// Reads `/etc/resolv.conf`, a hosts file; nil where there is none.
    package var read: (String) -> String?
    package var environment: [String: String]

    package init(environment: [String: String] = [:], read: @escaping (String) -> String?) {
      self.environment = environment
      self.read = read
    }
  }

  package init(parsing text: String, _ surroundings: Surroundings) throws(CorefileError) {
    for directive in try CorefileLexer.blocks(text, environment: surroundings.environment) {
      var reader = CorefileBlockReader(self, surroundings)
      try reader.read(directive)
      self = reader.corefile
      blocks += reader.blocks
    }
    guard !blocks.isEmpty else { throw CorefileError(line: 1, reason: "no server block, such as `.:53 { … }`") }
    notices.sort { $0.line < $1.line }
  }

  mutating func note(_ line: Int, _ reason: String) { notices.append(CorefileError(line: line, reason: reason)) }
}

/// Numbers and spans as Corefiles have them.
enum CorefileValue {
  /// `30s`, `1m30s`, `500ms`, `1h`, or a number of seconds; in milliseconds.
  static func milliseconds(_ text: String) -> Int? {
    if let seconds = Int(text), seconds >= 0, seconds < 1 << 31 { return seconds * 1000 }
    var total = 0
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(digits), number < 1 << 31 else { return nil }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      guard let factor = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000][String(unit)] else { return nil }
      total += number * factor
      rest = rest.dropFirst(unit.count)
    }
    return text.isEmpty ? nil : total
  }

  static func seconds(_ text: String) -> Int? { milliseconds(text).map { $0 / 1000 } }

  /// `:8080`, `127.0.0.1:8080`, `[::1]:8080`.
  static func endpoint(_ text: String) -> AddressAndPort? {
    if text.hasPrefix(":") { return UInt16(text.dropFirst()).map { AddressAndPort(IPAddress("::")!, $0) } }
    return split(text, port: nil)
  }

  /// An address with or without a port.
  static func split(_ text: String, port usual: UInt16?) -> AddressAndPort? {
    if let address = IPAddress(text) { return usual.map { AddressAndPort(address, $0) } }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return IPAddress(String(host)).map { AddressAndPort($0, port) }
  }

  /// A zone, or a range whose reverse zone it is.
  static func zone(_ text: String) -> DomainName? {
    if text.contains("/") { return (try? Prefix(parsing: text)).flatMap { ReverseName.zone($0) } }
    return try? DomainName(parsing: text == "." ? "" : text)
  }
}
