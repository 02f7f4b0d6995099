internal import Addressing
internal import Glibc
internal import Linux

/// A port of a stand-in, open on all addresses of both families.
struct ListeningSocket: ~Copyable {
  let descriptor: FileDescriptor
  let port: ListenPort

  /// One IPv6 socket that also takes IPv4; an IPv4 socket where the namespace has no IPv6.
  init(_ port: ListenPort) throws(SystemError) {
    self.port = port
    do {
      descriptor = try Self.open(port, .v6)
    } catch  where error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL {
      descriptor = try Self.open(port, .v4)
    }
  }

  private static func open(_ port: ListenPort, _ family: IPFamily) throws(SystemError) -> FileDescriptor {
    let type = port.transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
    let socket = try FileDescriptor.socket(
      family == .v6 ? AF_INET6 : AF_INET, CInt(type.rawValue) | CInt(SOCK_NONBLOCK.rawValue))
    let raw = socket.raw
    if family == .v6 { try set(raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
    switch port.transport {
    case .tcp:
      // So that a container that starts again gets its port although old connections linger.
      try set(raw, SOL_SOCKET, SO_REUSEADDR, 1)
    case .udp:
      // The address a datagram came to is the one its answer must come from: on a node, which has several.
      if family == .v6 {
        try set(raw, CInt(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1)
      } else {
        try set(raw, CInt(IPPROTO_IP), IP_PKTINFO, 1)
      }
    }
    let address = SocketAddress.any(family, port: port.number)
    try check("open port \(port)") { address.withPointer { bind(raw, $0, $1) } }
    if port.transport == .tcp { try check("listen on port \(port)") { listen(raw, 256) } }
    return socket
  }

  private static func set(_ raw: CInt, _ level: CInt, _ option: CInt, _ value: CInt) throws(SystemError) {
    var value = value
    try check("setsockopt \(option)") {
      setsockopt(raw, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
  }

  /// Answers the datagrams that wait, with `reply` made from the client's address and the address it reached.
  func answerDatagrams(_ reply: (SocketAddress, String) -> [UInt8]) {
    var payload = [UInt8](repeating: 0, count: 2048)
    var control = [UInt64](repeating: 0, count: 16)
    // A bounded run, so that a flood on one port does not starve the others.
    for _ in 0..<64 {
      var client = sockaddr_storage()
      let done = payload.withUnsafeMutableBytes { payload in
        control.withUnsafeMutableBytes { control in
          withUnsafeMutableBytes(of: &client) { name in
            var vector = iovec(iov_base: payload.baseAddress, iov_len: payload.count)
            return withUnsafeMutablePointer(to: &vector) { vector in
              var message = msghdr()
              message.msg_name = name.baseAddress
              message.msg_namelen = socklen_t(name.count)
              message.msg_iov = vector
              message.msg_iovlen = 1
              message.msg_control = control.baseAddress
              message.msg_controllen = control.count
              guard recvmsg(descriptor.raw, &message, 0) >= 0 else { return errno != EINTR }
              let local = PacketInformation.prepareAnswer(
                UnsafeMutableRawBufferPointer(rebasing: control[..<message.msg_controllen]))
              var from = SocketAddress()
              withUnsafeMutableBytes(of: &from.storage) { $0.copyMemory(from: UnsafeRawBufferPointer(name)) }
              let answer = reply(from, local)
              answer.withUnsafeBytes { answer in
                vector.pointee = iovec(
                  iov_base: UnsafeMutableRawPointer(mutating: answer.baseAddress), iov_len: answer.count)
                message.msg_flags = 0
                // A full socket loses the answer, as UDP may.
                _ = sendmsg(descriptor.raw, &message, 0)
              }
              return false
            }
          }
        }
      }
      if done { return }
    }
  }
}

/// The control message that tells which address a datagram came to (ip(7), ipv6(7)); sent back, it makes that address the
/// source of the answer.
enum PacketInformation {
  /// Makes a received control buffer fit for sending and returns the address in it. The interface is cleared: the route
  /// decides, except for link-local addresses, which mean nothing without it.
  static func prepareAnswer(_ control: UnsafeMutableRawBufferPointer) -> String {
    // cmsghdr: length (8 bytes), level, type; then in_pktinfo {interface, source, destination} or in6_pktinfo
    // {address, interface}.
    guard control.count >= 16 + 12 else { return "?" }
    let level = control.load(fromByteOffset: 8, as: CInt.self)
    let type = control.load(fromByteOffset: 12, as: CInt.self)
    if level == CInt(IPPROTO_IP), type == IP_PKTINFO {
      control.storeBytes(of: 0, toByteOffset: 16, as: CInt.self)
      return IPAddress(bytes: control[24..<28])?.description ?? "?"
    }
    guard level == CInt(IPPROTO_IPV6), type == IPV6_PKTINFO, control.count >= 16 + 20 else { return "?" }
    var address = SocketAddress.any(.v6, port: 0)
    withUnsafeMutableBytes(of: &address.storage) { storage in
      for index in 0..<16 { storage[8 + index] = control[16 + index] }
    }
    if address.address?.isLinkLocal != true || address.address?.family == .v4 {
      control.storeBytes(of: 0, toByteOffset: 32, as: CInt.self)
    }
    return address.host
  }
}
