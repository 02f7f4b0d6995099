/// A protocol of BIRD's (a session, for BGP) as `show protocols all` tells it.
package struct BIRDProtocol: Hashable, Sendable {
  /// Routes of one family.
  package struct Channel: Hashable, Sendable {
    /// `ipv4` or `ipv6`.
    package var name: String
    package var state = ""
    /// Routes taken from the other end, and told to it.
    package var imported = 0
    package var exported = 0

    package init(name: String) { self.name = name }
  }

  package var name: String
  /// `BGP`, `Kernel`, `Static`, …
  package var kind: String
  /// `up`, `start`, `down`, …
  package var state: String
  /// Local time of the last change of the state, as the configuration's time format writes it.
  package var since: String
  /// For BGP the session's state, with what went wrong last behind it: `Established`.
  package var info: String
  /// Lines like `Neighbor AS: 64512`, above the channels.
  package var details: [String: String] = [:]
  package var channels: [Channel] = []

  package init(name: String, kind: String, state: String, since: String, info: String) {
    self.name = name
    self.kind = kind
    self.state = state
    self.since = since
    self.info = info
  }

  /// RFC 4271's state of a session: `Established`, `Active`, …
  package var sessionState: String { details["BGP state"] ?? info.split(separator: " ").first.map(String.init) ?? "" }

  /// Codes of the lines (BIRD's client/reply_codes): of one protocol in the table, and of its details.
  private static let rowCode = 1002
  private static let detailCode = 1006

  /// All protocols of an answer to `show protocols all`; what it does not know it leaves out.
  package static func all(in reply: BIRDReply) -> [BIRDProtocol] {
    var found: [BIRDProtocol] = []
    for line in reply.lines {
      if line.code == rowCode, let row = BIRDProtocol(row: line.text) {
        found.append(row)
      } else if line.code == detailCode, !found.isEmpty {
        found[found.count - 1].take(detail: line.text)
      }
    }
    return found
  }

  /// Columns: name, kind, table, state, date, time, and the rest is info.
  private init?(row: String) {
    let columns = row.split(separator: " ", maxSplits: 6, omittingEmptySubsequences: true)
    guard columns.count >= 6 else { return nil }
    self.init(
      name: String(columns[0]), kind: String(columns[1]), state: String(columns[3]),
      since: "\(columns[4]) \(columns[5])", info: columns.count > 6 ? Self.trimmed(columns[6]) : "")
  }

  private mutating func take(detail text: String) {
    guard let colon = text.firstIndex(of: ":") else {
      let words = text.split(separator: " ")
      if words.first == "Channel", words.count == 2 { channels.append(Channel(name: String(words[1]))) }
      return
    }
    let key = Self.trimmed(text[..<colon])
    let value = Self.trimmed(text[text.index(after: colon)...])
    guard var channel = channels.popLast() else {
      if details[key] == nil { details[key] = value }
      return
    }
    switch key {
    case "State": channel.state = value
    case "Routes":
      // `2 imported, 1 exported, 2 preferred`, and `1 filtered` in between where such are kept.
      for part in value.split(separator: ",") {
        let words = part.split(separator: " ")
        guard words.count == 2, let count = Int(words[0]) else { continue }
        if words[1] == "imported" { channel.imported = count }
        if words[1] == "exported" { channel.exported = count }
      }
    default: break
    }
    channels.append(channel)
  }

  private static func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" }
    var end = start
    while let last = end.last, last == " " || last == "\t" { end.removeLast() }
    return String(end)
  }
}
