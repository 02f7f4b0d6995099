internal import CLinux
internal import Glibc
internal import Linux

/// BIRD's control socket: a connection a question.
package struct BIRDControl: Sendable {
  package let path: String
  /// Seconds after which BIRD is taken not to answer.
  private static let timeout = 10.0
  /// An answer of more bytes is given up.
  private static let largestAnswer = 64 << 20

  package init(path: String) { self.path = path }

  /// Sends one command and gives its whole answer, be it a refusal. Throws `SystemError` where nobody answers.
  package func ask(_ command: String) throws -> BIRDReply {
    let socket = try UnixSocket.connect(path, timeout: Self.timeout)
    var reader = BIRDReplyReader()
    _ = try receive(socket, &reader)  // the greeting, `0001 BIRD 2.0.12 ready.`
    try socket.writeAll(Array("\(command)\n".utf8))
    return try receive(socket, &reader)
  }

  /// The version that BIRD greets with: `2.0.12`.
  package func version() throws -> String {
    let socket = try UnixSocket.connect(path, timeout: Self.timeout)
    var reader = BIRDReplyReader()
    let words = try receive(socket, &reader).message.split(separator: " ")
    return words.count > 1 ? String(words[1]) : "unknown"
  }

  private func receive(_ socket: borrowing FileDescriptor, _ reader: inout BIRDReplyReader) throws -> BIRDReply {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var total = 0
    let raw = socket.raw
    while true {
      let count = try check("read \(path)") { read(raw, &chunk, chunk.count) }
      if count == 0 { throw SystemError("read \(path): BIRD closed the connection", code: ECONNRESET) }
      total += count
      if total > Self.largestAnswer { throw SystemError("read \(path)", code: EMSGSIZE) }
      if let reply = try reader.append(chunk[..<count]).first { return reply }
    }
  }
}
