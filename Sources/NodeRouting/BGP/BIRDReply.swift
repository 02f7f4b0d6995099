/// One answer of BIRD's control socket: lines with a code of four digits, of which 0000 to 0999 say that it was done, 1000
/// to 2999 carry what was asked for, 8000 to 8999 are failures and 9000 to 9999 refusals of the command itself.
package struct BIRDReply: Hashable, Sendable {
  package struct Line: Hashable, Sendable {
    package var code: Int
    package var text: String

    package init(code: Int, text: String) {
      self.code = code
      self.text = text
    }
  }

  /// In their order; the last one ended the answer.
  package var lines: [Line]

  package init(lines: [Line]) { self.lines = lines }

  /// The code that ended the answer.
  package var code: Int { lines.last?.code ?? 9999 }
  package var isFailure: Bool { code >= 8000 }
  /// The text that ended the answer: `Reconfigured`, or what is wrong.
  package var message: String { lines.last?.text ?? "" }
}

/// Takes bytes of the control socket as they come and gives whole answers.
package struct BIRDReplyReader: Sendable {
  /// Bytes that are no answer of BIRD's.
  package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package var line: String
    package var description: String { "found \"\(line)\" on BIRD's control socket, expected a code of four digits" }
  }

  /// Longer lines are no answer of BIRD's.
  package static let maximumLineLength = 1 << 16

  private var rest: [UInt8] = []
  private var lines: [BIRDReply.Line] = []

  package init() {}

  /// Answers that these bytes complete.
  package mutating func append(_ bytes: some Sequence<UInt8>) throws(Malformed) -> [BIRDReply] {
    rest += bytes
    var replies: [BIRDReply] = []
    var start = rest.startIndex
    while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
      if try take(rest[start..<end]) {
        replies.append(BIRDReply(lines: lines))
        lines = []
      }
      start = end + 1
    }
    rest.removeFirst(start)
    if rest.count > Self.maximumLineLength { throw Malformed(line: "\(rest.count) bytes without an end of line") }
    return replies
  }

  /// True if the line ends an answer.
  private mutating func take(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> Bool {
    // What BIRD says unasked, to clients that wanted its log.
    if bytes.first == UInt8(ascii: "+") { return false }
    if bytes.first == UInt8(ascii: " "), let code = lines.last?.code {
      lines.append(.init(code: code, text: String(decoding: bytes.dropFirst(), as: UTF8.self)))
      return false
    }
    let digits = bytes.prefix(4)
    guard digits.count == 4, digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let mark = bytes.dropFirst(4).first, mark == UInt8(ascii: " ") || mark == UInt8(ascii: "-")
    else { throw Malformed(line: String(decoding: bytes.prefix(80), as: UTF8.self)) }
    let code = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    lines.append(.init(code: code, text: String(decoding: bytes.dropFirst(5), as: UTF8.self)))
    return mark == UInt8(ascii: " ")
  }
}
