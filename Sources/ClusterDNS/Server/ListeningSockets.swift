internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import Streaming

/// The sockets of an address: for datagrams one a worker, among which the kernel spreads clients, and for connections one
/// for all of them.
final class ListeningSockets: Sendable {
  /// Takes connections.
  final class Listener: Sendable {
    let descriptor: FileDescriptor
    /// nil: plain TCP.
    let tls: TLSContext?
    /// DNS over HTTPS.
    let isHTTP: Bool

    init(_ descriptor: consuming FileDescriptor, tls: TLSContext? = nil, isHTTP: Bool = false) {
      self.descriptor = descriptor
      self.tls = tls
      self.isHTTP = isHTTP
    }
  }

  private final class Datagrams: Sendable {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  let address: AddressAndPort
  var isIPv6: Bool { address.address.family == .v6 }
  /// Plain first, then TLS, then HTTPS.
  let listeners: [Listener]
  private let datagramSockets: [Datagrams]

  /// A port that is served over TLS.
  typealias Secure = (port: UInt16, context: TLSContext, isHTTP: Bool)

  init(_ wanted: AddressAndPort, _ configuration: DNSServer.Configuration, _ contexts: [Secure]) throws(SystemError) {
    // With port 0 the port that UDP got may be taken for TCP: try others.
    var attempts = wanted.port == 0 ? 16 : 1
    while true {
      attempts -= 1
      let first = Datagrams(try Self.bound(wanted, SOCK_DGRAM, configuration))
      let address = AddressAndPort(wanted.address, try SocketAddress.bound(first.descriptor.raw).port)
      do {
        // The listener for connections is alone at its address, so that a second server there is an error.
        var listeners = [Listener(try Self.bound(address, SOCK_STREAM, configuration))]
        for (port, context, isHTTP) in contexts {
          listeners.append(
            Listener(
              try Self.bound(AddressAndPort(wanted.address, port), SOCK_STREAM, configuration), tls: context,
              isHTTP: isHTTP))
        }
        for listener in listeners {
          let raw = listener.descriptor.raw
          try check("listen on \(address)/tcp") { listen(raw, 1024) }
        }
        var datagrams = [first]
        for _ in 1..<max(configuration.workers, 1) {
          datagrams.append(Datagrams(try Self.bound(address, SOCK_DGRAM, configuration)))
        }
        self.address = address
        self.listeners = listeners
        self.datagramSockets = datagrams
        return
      } catch {
        if attempts == 0 || error.code != EADDRINUSE { throw error }
      }
    }
  }

  /// A worker's socket.
  func datagrams(of worker: Int) -> CInt { datagramSockets[worker].descriptor.raw }

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
      set(socket.raw, SO_REUSEPORT, 1)
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
