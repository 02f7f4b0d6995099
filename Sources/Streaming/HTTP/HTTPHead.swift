/// The head of an HTTP/1.x message (RFC 9112 section 2).
package struct HTTPHead: Hashable, Sendable {
  /// The three words of the first line: method, target, version; or version, status, reason.
  package let words: [String]
  /// Names in lower case. A field that comes several times is a list (RFC 9110 section 5.3).
  package private(set) var fields: [String: String] = [:]

  /// Bytes of a head; a longer one is refused.
  package static let limit = 64 * 1024

  /// The head at the beginning of the bytes and how many bytes it has; nil while its end is not there. One of more bytes
  /// than `limit` is refused.
  package static func parse(_ bytes: some Collection<UInt8>, limit: Int = limit) throws(HTTPHeadError) -> (
    head: HTTPHead, count: Int
  )? {
    let bytes = Array(bytes.prefix(limit + 4))
    var index = 0
    while index + 3 < bytes.count {
      if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 3] == 0x0A {
        return (try HTTPHead(bytes[..<index]), index + 4)
      }
      index += 1
    }
    guard bytes.count <= limit else {
      throw HTTPHeadError("the head is longer than \(limit) bytes", isTooLong: true)
    }
    return nil
  }

  private init(_ bytes: ArraySlice<UInt8>) throws(HTTPHeadError) {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw HTTPHeadError("the head is no UTF-8") }
    var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
    let first = lines.popFirst() ?? ""
    words = first.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1.") || (words.count == 3 && words[2].hasPrefix("HTTP/1.")) else {
      throw HTTPHeadError("the first line is \"\(first.prefix(80))\", expected one of HTTP/1")
    }
    for line in lines {
      guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
        throw HTTPHeadError("the field \"\(line.prefix(80))\" has no name")
      }
      let name = line[..<colon].lowercased()
      // A name is a token; what is read in two ways is a way around others (RFC 9112 section 5.1).
      guard name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
        throw HTTPHeadError("the name of the field \"\(line.prefix(80))\" has a space in it")
      }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      let trimmed = String(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
      fields[name] = fields[name].map { $0 + "," + trimmed } ?? trimmed
    }
  }

  /// Of an answer.
  package var status: Int? { words[0].hasPrefix("HTTP/") ? Int(words[1]) : nil }
  package var method: String { words[0] }
  package var target: String { words[1] }

  package subscript(name: String) -> String? { fields[name] }

  /// The members of a field that is a list.
  package func list(_ name: String) -> [String] { HTTPHead.list(fields[name] ?? "") }

  package static func list(_ text: String) -> [String] {
    text.split(separator: ",").map { part in
      let value = part.drop { $0 == " " || $0 == "\t" }
      return String(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }.filter { !$0.isEmpty }
  }

  /// A head as bytes.
  package static func bytes(_ first: String, _ fields: [(name: String, value: String)]) -> [UInt8] {
    Array((first + "\r\n" + fields.map { "\($0.name): \($0.value)\r\n" }.joined() + "\r\n").utf8)
  }
}

/// What is wrong with a head.
package struct HTTPHeadError: Error, Hashable, CustomStringConvertible {
  package let description: String
  /// The limit was passed before the head's end.
  package let isTooLong: Bool

  init(_ description: String, isTooLong: Bool = false) {
    self.description = description
    self.isTooLong = isTooLong
  }
}
