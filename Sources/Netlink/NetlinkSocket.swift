internal import CLinux
internal import Glibc
package import Linux

/// What the kernel answered: an errno, and its own words where it gave some (NETLINK_EXT_ACK).
package struct NetlinkError: Error, Hashable, CustomStringConvertible {
  package let code: CInt
  /// What was asked, in a few words.
  package let operation: String
  /// The kernel's explanation; empty where it gave none.
  package let explanation: String
  /// Sequence number of the message that failed, for batches.
  package let sequence: UInt32

  package init(code: CInt, operation: String, explanation: String = "", sequence: UInt32 = 0) {
    self.code = code
    self.operation = operation
    self.explanation = explanation
    self.sequence = sequence
  }

  package var description: String {
    "\(operation): \(String(cString: strerror(code)))" + (explanation.isEmpty ? "" : " (\(explanation))")
  }
}

/// A netlink socket of one network namespace. Not for use by two threads at once.
package final class NetlinkSocket {
  package let descriptor: FileDescriptor
  private var sequence: UInt32 = 0
  // Left uninitialized: a page that is never received into is never touched.
  private var buffer = [UInt8](unsafeUninitializedCapacity: 256 * 1024) { $1 = $0.count }

  /// `protocolNumber` is NETLINK_ROUTE, NETLINK_NETFILTER or NETLINK_GENERIC; `namespace` nil is the caller's own.
  package init(_ protocolNumber: CInt, namespace: NetworkNamespace? = nil) throws(SystemError) {
    let type = CInt(SOCK_RAW.rawValue)
    if let namespace {
      descriptor = try namespace.socket(AF_NETLINK, type, protocolNumber)
    } else {
      descriptor = try FileDescriptor.socket(AF_NETLINK, type, protocolNumber)
    }
    var address = sockaddr_nl()
    address.nl_family = sa_family_t(AF_NETLINK)
    // Port id 0: the kernel chooses one; the process id would collide with a second socket.
    let raw = descriptor.raw
    try check("bind netlink socket") {
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(raw, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
        }
      }
    }
    setOption(NETLINK_EXT_ACK, 1)
    setOption(NETLINK_CAP_ACK, 1)
    setOption(NETLINK_GET_STRICT_CHK, 1)
  }

  /// Sets an option of the netlink level; kernels that lack it go on without.
  package func setOption(_ option: CInt, _ value: CInt) {
    var value = value
    _ = setsockopt(descriptor.raw, SOL_NETLINK, option, &value, socklen_t(MemoryLayout<CInt>.size))
  }

  /// Asks for larger socket buffers, beyond the system's limit where we may.
  package func setBuffers(send: Int32? = nil, receive: Int32? = nil) {
    for (size, forced, plain) in [(send, SO_SNDBUFFORCE, SO_SNDBUF), (receive, SO_RCVBUFFORCE, SO_RCVBUF)] {
      guard var size else { continue }
      let length = socklen_t(MemoryLayout<Int32>.size)
      if setsockopt(descriptor.raw, SOL_SOCKET, forced, &size, length) != 0 {
        _ = setsockopt(descriptor.raw, SOL_SOCKET, plain, &size, length)
      }
    }
  }

  /// Joins a multicast group (RTNLGRP_…, NFNLGRP_…), whose messages `receive` then returns.
  package func join(group: UInt32) throws(SystemError) {
    var group = CInt(group)
    let raw = descriptor.raw
    try check("join netlink group \(group)") {
      setsockopt(raw, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, socklen_t(MemoryLayout<CInt>.size))
    }
  }

  /// A sequence number not used on this socket before.
  package func nextSequence() -> UInt32 {
    sequence &+= 1
    return sequence
  }

  package func send(_ bytes: [UInt8]) throws(SystemError) {
    let raw = descriptor.raw
    try check("send to netlink") { bytes.withUnsafeBytes { Glibc.send(raw, $0.baseAddress, $0.count, 0) } }
  }

  /// Sends pieces as one datagram, without putting them together first.
  package func send(_ pieces: [ArraySlice<UInt8>]) throws(SystemError) {
    let raw = descriptor.raw
    try check("send to netlink") { Self.write(raw, pieces[...], []) }
  }

  /// The addresses of all pieces are taken, one call within the other, before they are used.
  private static func write(_ raw: CInt, _ pieces: ArraySlice<ArraySlice<UInt8>>, _ vectors: [iovec]) -> Int {
    guard let piece = pieces.first else { return writev(raw, vectors, CInt(vectors.count)) }
    return piece.withUnsafeBytes { bytes in
      let vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
      return write(raw, pieces.dropFirst(), vectors + [vector])
    }
  }

  /// Waits for one datagram and returns its messages. ENOBUFS says that events were lost.
  package func receive(flags: CInt = 0) throws(SystemError) -> [NetlinkMessage] {
    let raw = descriptor.raw
    let count = try check("receive from netlink") { recv(raw, &buffer, buffer.count, flags) }
    return NetlinkMessage.split(buffer[..<count])
  }

  /// One request that is acknowledged, or answered with one message.
  @discardableResult
  package func request(
    _ operation: @autoclosure () -> String, type: UInt16, flags: UInt16 = 0, _ body: (inout NetlinkWriter) -> Void
  ) throws -> NetlinkMessage? {
    let sequence = nextSequence()
    var writer = NetlinkWriter()
    writer.message(type: type, flags: UInt16(NLM_F_REQUEST | NLM_F_ACK) | flags, sequence: sequence, body)
    try send(writer.bytes)
    var answer: NetlinkMessage?
    while true {
      for message in try receive() where message.sequence == sequence {
        if Int32(message.type) == NLMSG_ERROR {
          if let error = Self.error(in: message, operation()) { throw error }
          return answer
        }
        answer = message
      }
    }
  }

  /// A dump, asked again as long as the kernel says it was interrupted by a change (NLM_F_DUMP_INTR).
  package func dump(
    _ operation: @autoclosure () -> String, type: UInt16, _ body: (inout NetlinkWriter) -> Void
  ) throws -> [NetlinkMessage] {
    var messages: [NetlinkMessage] = []
    try dump(operation(), type: type, body, begin: { messages = [] }, each: { messages.append($0) })
    return messages
  }

  /// The same, handed over message by message; `begin` is called before the first, and again when all begins anew.
  package func dump(
    _ operation: @autoclosure () -> String, type: UInt16, _ body: (inout NetlinkWriter) -> Void, begin: () -> Void,
    each: (NetlinkMessage) -> Void
  ) throws {
    while true {
      let sequence = nextSequence()
      var writer = NetlinkWriter()
      writer.message(type: type, flags: UInt16(NLM_F_REQUEST | NLM_F_DUMP), sequence: sequence, body)
      try send(writer.bytes)
      begin()
      var interrupted = false
      collecting: while true {
        for message in try receive() where message.sequence == sequence {
          if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { interrupted = true }
          switch Int32(message.type) {
          case NLMSG_DONE:
            // A dump that fails midway says so in its last message.
            if let code = message.header(Int32.self), code < 0 {
              throw NetlinkError(code: -code, operation: operation(), explanation: "", sequence: sequence)
            }
            break collecting
          case NLMSG_ERROR:
            if let error = Self.error(in: message, operation()) { throw error }
            break collecting
          default: each(message)
          }
        }
      }
      if !interrupted { return }
    }
  }

  /// The error an NLMSG_ERROR message carries; nil for an acknowledgement.
  package static func error(in message: NetlinkMessage, _ operation: @autoclosure () -> String) -> NetlinkError? {
    guard let code = message.header(Int32.self), code != 0 else { return nil }
    // With NETLINK_CAP_ACK only the failed message's header is repeated: errno (4) + header (16).
    var explanation = ""
    if message.flags & UInt16(NLM_F_ACK_TLVS) != 0 {
      explanation = message.attributes(after: 20)[Int(NLMSGERR_ATTR_MSG.rawValue)]?.string ?? ""
    }
    return NetlinkError(
      code: 0 &- code, operation: operation(), explanation: explanation, sequence: message.sequence)
  }
}
