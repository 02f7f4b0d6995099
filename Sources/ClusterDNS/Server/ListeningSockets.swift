internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux

/// The two sockets of an address: datagrams and connections.
final class ListeningSockets: Sendable {
  let address: AddressAndPort
  let datagrams: FileDescriptor
  let listener: FileDescriptor

  init(_ wanted: AddressAndPort, _ configuration: DNSServer.Configuration) throws(SystemError) {
    // With port 0 the port that UDP got may be taken for TCP: try others.
    var attempts = wanted.port == 0 ? 16 : 1
    while true {
      attempts -= 1
      let datagrams = try Self.bound(wanted, SOCK_DGRAM, configuration)
      let address = AddressAndPort(wanted.address, try SocketAddress.bound(datagrams.raw).port)
      do {
        let listener = try Self.bound(address, SOCK_STREAM, configuration)
        try check("listen on \(address)/tcp") { listen(listener.raw, 1024) }
        self.address = address
        self.datagrams = datagrams
        self.listener = listener
        return
      } catch {
        if attempts == 0 || error.code != EADDRINUSE { throw error }
      }
    }
  }

  private static func bound(
    _ address: AddressAndPort, _ type: __socket_type, _ configuration: DNSServer.Configuration
  ) throws(SystemError) -> FileDescriptor {
    let family = address.address.family.socketDomain
    let socket = try configuration.socket(family, CInt(type.rawValue | SOCK_NONBLOCK.rawValue))
    let name = "\(address)/\(type == SOCK_DGRAM ? "udp" : "tcp")"
    if family == AF_INET6 { try checkedResult("IPV6_V6ONLY on \(name)", swiftlet_v6_only(socket.raw)) }
    if configuration.isFreeBind { try checkedResult("free bind of \(name)", swiftlet_freebind(socket.raw, family)) }
    if type == SOCK_DGRAM {
      // On a wildcard address the answer must leave from the address that was asked.
      if address.address.isUnspecified {
        try checkedResult("packet information on \(name)", swiftlet_want_local_address(socket.raw, family))
      }
      set(socket.raw, SO_RCVBUF, 1 << 20)
    } else {
      // Connections of a server that ended a moment ago do not keep the port.
      set(socket.raw, SO_REUSEADDR, 1)
    }
    try check("bind \(name)") { SocketAddress(address).bind(socket.raw) }
    return socket
  }

  private static func set(_ descriptor: CInt, _ option: CInt, _ value: CInt) {
    var value = value
    setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<CInt>.size))
  }
}

extension DNSServer.Configuration {
  /// A socket of the server's network namespace.
  func socket(_ family: CInt, _ type: CInt) throws(SystemError) -> FileDescriptor {
    if let networkNamespace { return try networkNamespace.socket(family, type) }
    return try FileDescriptor.socket(family, type)
  }
}
