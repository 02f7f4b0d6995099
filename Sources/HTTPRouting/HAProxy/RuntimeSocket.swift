internal import CLinux
internal import Glibc
internal import Linux

/// HAProxy's command socket: one connection a command, as its line mode wants it.
struct RuntimeSocket {
  let path: String

  /// Sends a command, with a payload of lines if there is one, and gives the answer without blank ends. Waits ten
  /// seconds at most.
  func send(_ command: String, payload: [UInt8]? = nil) throws(SystemError) -> String {
    let socket = try FileDescriptor.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue))
    var timeout = timeval(tv_sec: 10, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(socket.raw, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
    setsockopt(socket.raw, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw SystemError("connect \(path)", code: ENAMETOOLONG)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    try check("connect \(path)") {
      withUnsafeBytes(of: &address) {
        connect(socket.raw, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    }
    var bytes = Array(command.utf8)
    if let payload { bytes += Array(" <<\n".utf8) + payload }
    bytes.append(UInt8(ascii: "\n"))
    var offset = 0
    while offset < bytes.count {
      offset += try check("write \(path)") {
        bytes.withUnsafeBytes {
          Glibc.send(socket.raw, $0.baseAddress! + offset, $0.count - offset, CInt(MSG_NOSIGNAL))
        }
      }
    }
    let answer = String(decoding: try socket.readAll(), as: UTF8.self)
    return answer.trimmed
  }
}

extension StringProtocol {
  /// Without white space at both ends.
  var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[first...last])
  }
}
