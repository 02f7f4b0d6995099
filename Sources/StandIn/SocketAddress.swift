package import Addressing
internal import Glibc

/// An IPv4 or IPv6 socket address. IPv4 addresses that come through an IPv6 socket (RFC 4291 section 2.5.5.2) are shown as
/// IPv4.
package struct SocketAddress: CustomStringConvertible {
  var storage = sockaddr_storage()
  var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  init() {}

  /// An address and a port.
  package init(_ address: IPAddress, port: UInt16) {
    self = .any(address.family, port: port)
    withUnsafeMutableBytes(of: &storage) { storage in
      let offset = address.family == .v4 ? 4 : 8
      for (index, byte) in address.bytes.enumerated() { storage[offset + index] = byte }
    }
  }

  /// The unspecified address with a port.
  static func any(_ family: IPFamily, port: UInt16) -> SocketAddress {
    var address = SocketAddress()
    let size = family == .v4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
    address.length = socklen_t(size)
    withUnsafeMutableBytes(of: &address.storage) { bytes in
      bytes.storeBytes(of: sa_family_t(family == .v4 ? AF_INET : AF_INET6), as: sa_family_t.self)
      bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
    }
    return address
  }

  var port: UInt16 {
    withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
  }

  var address: IPAddress? {
    withUnsafeBytes(of: storage) { bytes in
      if CInt(storage.ss_family) == AF_INET { return IPAddress(bytes: bytes[4..<8]) }
      let address = bytes[8..<24]
      let mapped = address.prefix(10).allSatisfy { $0 == 0 } && bytes[18] == 0xFF && bytes[19] == 0xFF
      return IPAddress(bytes: mapped ? bytes[20..<24] : address)
    }
  }

  var host: String { address?.description ?? "?" }

  /// `10.0.0.1:80` or `[fd00::1]:80`.
  package var description: String {
    guard let address else { return "?:\(port)" }
    return address.family == .v6 ? "[\(address)]:\(port)" : "\(address):\(port)"
  }

  /// connect(2): 0, or -1 with errno.
  package func connect(_ socket: CInt) -> CInt { withPointer { Glibc.connect(socket, $0, $1) } }

  /// Calls with the address as the system calls want it.
  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// Lets a system call fill in an address.
  static func filled(_ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt)
    -> (result: CInt, address: SocketAddress)
  {
    var address = SocketAddress()
    let result = withUnsafeMutablePointer(to: &address.storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &address.length) }
    }
    return (result, address)
  }
}
