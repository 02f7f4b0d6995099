internal import Addressing
internal import CLinux
internal import Glibc

extension AddressAndPort {
  /// The address family's number, `AF_INET` or `AF_INET6`.
  var socketFamily: CInt { address.family == .v4 ? AF_INET : AF_INET6 }

  /// Gives the address as the kernel wants it.
  func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) rethrows -> Result {
    switch address {
    case .v4(let number):
      var value = sockaddr_in()
      value.sin_family = sa_family_t(AF_INET)
      value.sin_port = port.bigEndian
      value.sin_addr.s_addr = number.rawValue.bigEndian
      return try withUnsafeBytes(of: &value) {
        try body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    case .v6(let number):
      var value = sockaddr_in6()
      value.sin6_family = sa_family_t(AF_INET6)
      value.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &value.sin6_addr) { $0.storeBytes(of: number.rawValue.bigEndian, as: UInt128.self) }
      return try withUnsafeBytes(of: &value) {
        try body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    }
  }

  /// The port a bound socket got.
  static func boundPort(of descriptor: CInt) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      getsockname(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
      // sin_port and sin6_port stand at the same place.
      return UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
    }
  }
}
