/// The head of an HTTP/1.x request (RFC 9112), as far as a stand-in needs it.
struct HTTPRequestHead: Equatable {
  var method = ""
  var target = ""
  /// 0 or 1, of HTTP/1.0 and HTTP/1.1.
  var minorVersion = 1
  /// Names as they were written; in their order.
  var fields: [(name: String, value: String)] = []

  static func == (left: Self, right: Self) -> Bool {
    left.method == right.method && left.target == right.target && left.minorVersion == right.minorVersion
      && left.fields.map(\.name) == right.fields.map(\.name) && left.fields.map(\.value) == right.fields.map(\.value)
  }

  /// The value of the first field of this name, whatever the case of its letters.
  subscript(name: String) -> String? {
    fields.first { $0.name.lowercased() == name }?.value
  }

  /// The target's path without its query.
  var path: Substring { target.prefix { $0 != "?" } }

  /// A parameter of the target's query, as it was written.
  func query(_ name: String) -> Substring? {
    guard let mark = target.firstIndex(of: "?") else { return nil }
    for pair in target[target.index(after: mark)...].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts[0] == name { return parts.count > 1 ? parts[1] : "" }
    }
    return nil
  }

  /// Whether the connection stays open after the answer (RFC 9112 section 9.3).
  var keepsAlive: Bool {
    let tokens = (self["connection"] ?? "").lowercased()
    return minorVersion == 0 ? tokens.contains("keep-alive") : !tokens.contains("close")
  }

  /// The length of the body that follows; nil if it cannot be skipped without reading it (chunked), or is nonsense.
  var bodyLength: Int? {
    if self["transfer-encoding"] != nil { return nil }
    guard let text = self["content-length"] else { return 0 }
    guard let length = Int(text), length >= 0 else { return nil }
    return length
  }

  /// Parses the bytes before the empty line that ends a head; nil if they are no request of HTTP/1.x.
  init?(_ bytes: some Collection<UInt8>) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    }
    guard let first = lines.first else { return nil }
    let parts = String(decoding: first, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[1].isEmpty, parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0" else { return nil }
    method = String(parts[0])
    target = String(parts[1])
    minorVersion = parts[2] == "HTTP/1.1" ? 1 : 0
    for line in lines.dropFirst() where !line.isEmpty {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
      let space: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
      var value = line[line.index(after: colon)...].drop(while: space)
      while let last = value.last, space(last) { value = value.dropLast() }
      fields.append((String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self)))
    }
  }
}
