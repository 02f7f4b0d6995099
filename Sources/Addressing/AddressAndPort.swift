/// An address with a port: where a server listens or is reached.
package struct AddressAndPort: Hashable, Comparable, Sendable, CustomStringConvertible {
  // The port stands first on purpose. After the address, its bytes would share a register with the address's last ones,
  // and Swift 6.3.1 then reads an argument of this type as 128-bit data from an address that is not aligned for it: a
  // crash in unoptimized code, depending on the caller's stack.
  package var port: UInt16
  package var address: IPAddress

  /// An address with a port in host order.
  package init(_ address: IPAddress, _ port: UInt16) {
    self.address = address
    self.port = port
  }

  /// `192.0.2.1:53` or `[2001:db8::1]:53` (RFC 3986 section 3.2.2).
  package var description: String {
    switch address {
    case .v4: "\(address):\(port)"
    case .v6: "[\(address)]:\(port)"
    }
  }

  package static func < (left: Self, right: Self) -> Bool { (left.address, left.port) < (right.address, right.port) }
}
