/// An address with a port: where a server listens or is reached.
public struct AddressAndPort: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var address: IPAddress
  public var port: UInt16

  public init(_ address: IPAddress, _ port: UInt16) {
    self.address = address
    self.port = port
  }

  /// `192.0.2.1:53` or `[2001:db8::1]:53` (RFC 3986 section 3.2.2).
  public var description: String {
    switch address {
    case .v4: "\(address):\(port)"
    case .v6: "[\(address)]:\(port)"
    }
  }

  public static func < (left: Self, right: Self) -> Bool { (left.address, left.port) < (right.address, right.port) }
}
