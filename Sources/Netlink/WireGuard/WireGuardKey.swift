/// What a WireGuard peer is known by: a Curve25519 public key (RFC 7748), 32 bytes.
package struct WireGuardPublicKey: Hashable, Sendable {
  package let bytes: [UInt8]

  /// nil unless there are 32 bytes, not all zero, which the kernel takes for no key.
  package init?(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count == 32, bytes.contains(where: { $0 != 0 }) else { return nil }
    self.bytes = bytes
  }
}

/// The secret half of a key pair. It shows itself nowhere: neither in descriptions nor in errors.
package struct WireGuardPrivateKey: Hashable, Sendable, CustomStringConvertible {
  package let bytes: [UInt8]

  /// nil unless there are 32 bytes, not all zero, which the kernel takes for no key.
  package init?(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count == 32, bytes.contains(where: { $0 != 0 }) else { return nil }
    self.bytes = bytes
  }

  /// A new one from the kernel's random numbers (getrandom), clamped (RFC 7748 section 5).
  package static func random() -> WireGuardPrivateKey {
    var generator = SystemRandomNumberGenerator()
    var bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    bytes[0] &= 248
    bytes[31] = bytes[31] & 127 | 64
    return WireGuardPrivateKey(clamped: bytes)
  }

  private init(clamped bytes: [UInt8]) { self.bytes = bytes }

  package var description: String { "(private key)" }
}
