package import Addressing
package import Glibc

/// An IPv4 or IPv6 address with a port as the socket calls have it (`sockaddr_in`, `sockaddr_in6`). IPv4 addresses that
/// come through an IPv6 socket (RFC 4291 section 2.5.5.2) are shown as IPv4.
package struct SocketAddress: CustomStringConvertible {
  package var storage = sockaddr_storage()
  package var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  /// Room for any address.
  package init() {}

  package init(_ endpoint: AddressAndPort) { self.init(endpoint.address, port: endpoint.port) }

  /// An address and a port.
  package init(_ address: IPAddress, port: UInt16) {
    self = .any(address.family, port: port)
    withUnsafeMutableBytes(of: &storage) { storage in
      let offset = address.family == .v4 ? 4 : 8
      for (index, byte) in address.bytes.enumerated() { storage[offset + index] = byte }
    }
  }

  /// The unspecified address with a port.
  package static func any(_ family: IPFamily, port: UInt16) -> SocketAddress {
    var address = SocketAddress()
    let size = family == .v4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
    address.length = socklen_t(size)
    withUnsafeMutableBytes(of: &address.storage) { bytes in
      bytes.storeBytes(of: sa_family_t(family.socketDomain), as: sa_family_t.self)
      bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
    }
    return address
  }

  package var port: UInt16 {
    withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
  }

  package var address: IPAddress? {
    withUnsafeBytes(of: storage) { bytes in
      if CInt(storage.ss_family) == AF_INET { return IPAddress(bytes: bytes[4..<8]) }
      let address = bytes[8..<24]
      let mapped = address.prefix(10).allSatisfy { $0 == 0 } && bytes[18] == 0xFF && bytes[19] == 0xFF
      return IPAddress(bytes: mapped ? bytes[20..<24] : address)
    }
  }

  /// The address without the port; `?` where there is none.
  package var host: String { address?.description ?? "?" }

  /// `10.0.0.1:80` or `[fd00::1]:80`.
  package var description: String { address.map { AddressAndPort($0, port).description } ?? "?:\(port)" }

  /// connect(2): 0, or -1 with errno.
  package func connect(_ socket: CInt) -> CInt { withPointer { Glibc.connect(socket, $0, $1) } }

  /// bind(2): 0, or -1 with errno.
  package func bind(_ socket: CInt) -> CInt { withPointer { Glibc.bind(socket, $0, $1) } }

  /// Calls with the address as the system calls want it.
  package func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// Lets a system call fill in an address.
  package static func filled(_ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt)
    -> (result: CInt, address: SocketAddress)
  {
    var address = SocketAddress()
    let result = withUnsafeMutablePointer(to: &address.storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &address.length) }
    }
    return (result, address)
  }

  /// The address a socket is bound to; its port is the one the kernel chose where 0 was asked for.
  package static func bound(_ socket: CInt) throws(SystemError) -> SocketAddress {
    var address = SocketAddress()
    try check("getsockname") {
      let (result, filled) = SocketAddress.filled { getsockname(socket, $0, $1) }
      address = filled
      return result
    }
    return address
  }
}

extension IPFamily {
  /// `AF_INET` or `AF_INET6`.
  package var socketDomain: CInt { self == .v4 ? AF_INET : AF_INET6 }
}
