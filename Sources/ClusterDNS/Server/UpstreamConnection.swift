internal import CLinux
internal import Glibc
internal import Streaming

/// A socket to an upstream: datagrams for one question, or a connection that may be used for one after another.
final class UpstreamConnection {
  let descriptor: CInt
  let isStream: Bool
  private let tls: TLSSession?
  /// An earlier question went over it; the upstream may have closed it meanwhile.
  var isReused = false
  /// Monotonic milliseconds since when nobody uses it.
  var idleSince = 0
  private var output: [UInt8] = []
  private var outputStart = 0
  private var input: [UInt8] = []

  init(_ descriptor: CInt, isStream: Bool, tls: TLSSession?) {
    self.descriptor = descriptor
    self.isStream = isStream
    self.tls = tls
  }

  deinit {
    tls?.close()
    Glibc.close(descriptor)
  }

  /// Queues a message.
  func put(_ message: [UInt8]) {
    output = isStream ? [UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message : message
    outputStart = 0
    input = []
  }

  /// Bytes of a plain connection wait for the socket, or TLS does.
  var wantsOutput: Bool { tls.map(\.wantsOutput) ?? (outputStart < output.count) }

  /// Sends what the socket takes; false when it broke.
  func flush() -> Bool {
    while outputStart < output.count {
      let count = output.withUnsafeBytes { bytes in
        let rest = UnsafeRawBufferPointer(rebasing: bytes[outputStart...])
        return tls?.write(rest) ?? send(descriptor, rest.baseAddress!, rest.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
      }
      if count <= 0 {
        if count < 0, errno == EINTR { continue }
        return count < 0 && (errno == EAGAIN || errno == ENOTCONN)
      }
      outputStart += count
    }
    return true
  }

  enum Received {
    case nothing
    case broken
    case message([UInt8])
  }

  /// The next whole message, if it has come.
  func receive() -> Received {
    withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { chunk in
      while true {
        if isStream, input.count >= 2 {
          let length = Int(input[0]) << 8 | Int(input[1])
          if input.count >= length + 2 {
            let message = Array(input[2..<(length + 2)])
            input.removeFirst(length + 2)
            return .message(message)
          }
        }
        let count = tls?.read(chunk) ?? recv(descriptor, chunk.baseAddress!, chunk.count, CInt(MSG_DONTWAIT))
        if count < 0 {
          if errno == EINTR { continue }
          return errno == EAGAIN ? .nothing : .broken
        }
        if !isStream { return .message(Array(chunk[..<count])) }
        if count == 0 { return .broken }
        input += chunk[..<count]
      }
    }
  }
}
