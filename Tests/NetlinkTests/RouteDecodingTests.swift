import Addressing
import Testing

@testable import Netlink

/// Messages that the kernel would never send must not bring the program down.
@Suite struct RouteDecodingTests {
  private static let types = [16, 17, 20, 21, 24, 25, 28, 29, 32, 33].map { UInt16($0) }

  private func decode(_ type: UInt16, _ payload: [UInt8]) {
    _ = RouteEvent(NetlinkMessage(type: type, flags: 0, sequence: 0, port: 0, payload: payload))
  }

  /// The one error number whose negation does not fit.
  @Test func everyErrorNumber() {
    let payload = withUnsafeBytes(of: Int32.min) { Array($0) }
    let message = NetlinkMessage(type: 2, flags: 0x200, sequence: 1, port: 0, payload: payload)
    #expect(NetlinkSocket.error(in: message, "x")?.code == .min)
  }

  @Test func randomBytes() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let payload = (0..<Int.random(in: 0...96, using: &generator)).map { _ in UInt8.random(in: 0...255) }
      for type in Self.types { decode(type, payload) }
    }
  }

  /// Well-formed attributes of every type and length after a header of each family: what random bytes seldom hit.
  @Test func oddAttributes() {
    for type in Self.types {
      for family in [UInt8(2), 7, 10] {
        for attribute in 0..<64 {
          for length in [0, 1, 3, 4, 6, 8, 16, 17] {
            var writer = NetlinkWriter()
            // Large enough for each kind of header; prefix lengths are out of range for some.
            writer.append(bytes: [family, 96] + [UInt8](repeating: 1, count: 14))
            writer.attribute(attribute, bytes: [UInt8](repeating: 200, count: length))
            decode(type, writer.bytes)
            decode(type, Array(writer.bytes.dropFirst(4)))
          }
        }
      }
    }
  }

  @Test func aRouteOfTwoFamiliesIsNone() {
    var writer = NetlinkWriter()
    // rtmsg: IPv6, /64, unicast; with an IPv4 destination.
    writer.append(bytes: [10, 64, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0])
    writer.attribute(1, IPAddress("10.0.0.0")!)
    #expect(Route(NetlinkMessage(type: 24, flags: 0, sequence: 0, port: 0, payload: writer.bytes)) == nil)
  }
}
