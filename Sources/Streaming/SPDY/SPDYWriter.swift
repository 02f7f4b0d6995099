/// Frames of SPDY/3.1 as they are sent.
package struct SPDYWriter {
  private let packer = SPDYHeaderPacker()

  package init() {}

  package func stream(_ id: UInt32, _ headers: [SPDYHeader], ends: Bool = false) -> [UInt8] {
    control(1, ends ? 1 : 0, Self.bytes(id) + Self.bytes(0) + [0, 0] + packer.pack(headers))
  }

  package func reply(_ id: UInt32, _ headers: [SPDYHeader] = [], ends: Bool = false) -> [UInt8] {
    control(2, ends ? 1 : 0, Self.bytes(id) + packer.pack(headers))
  }

  /// Nothing where there is neither a byte nor an end.
  package func data(_ id: UInt32, _ bytes: some Collection<UInt8>, ends: Bool = false) -> [UInt8] {
    var output: [UInt8] = []
    var rest = bytes[...]
    // A length has 24 bits.
    while rest.count > 0xFF_FFFF {
      output += frame(id, rest.prefix(0xFF_FFFF), false)
      rest = rest.dropFirst(0xFF_FFFF)
    }
    return rest.isEmpty && !ends ? output : output + frame(id, rest, ends)
  }

  private func frame(_ id: UInt32, _ bytes: some Collection<UInt8>, _ ends: Bool) -> [UInt8] {
    Self.bytes(id & 0x7FFF_FFFF) + Self.bytes((ends ? 1 : 0) << 24 | UInt32(bytes.count)) + bytes
  }

  /// - Parameter status: section 2.6.3; 3 is REFUSED_STREAM, 5 CANCEL.
  package func reset(_ id: UInt32, _ status: UInt32) -> [UInt8] { control(3, 0, Self.bytes(id) + Self.bytes(status)) }
  package func ping(_ id: UInt32) -> [UInt8] { control(6, 0, Self.bytes(id)) }
  package func goAway(lastStream id: UInt32) -> [UInt8] { control(7, 0, Self.bytes(id) + Self.bytes(0)) }

  private func control(_ type: UInt8, _ flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0x80, 3, 0, type] + Self.bytes(UInt32(flags) << 24 | UInt32(payload.count)) + payload
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }
}
