package import Addressing
internal import CLinux

/// Builds the bytes of one or more netlink messages (RFC 3549; linux/netlink.h). Numbers are host order unless a
/// function says otherwise.
package struct NetlinkWriter {
  package private(set) var bytes: [UInt8] = []
  /// Where the message written last begins.
  package private(set) var messageStart = 0

  package init() {}

  package var count: Int { bytes.count }

  package mutating func reserveCapacity(_ capacity: Int) { bytes.reserveCapacity(capacity) }
  package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// Writes one message: header, then whatever `body` appends; the length is filled in afterwards.
  package mutating func message(
    type: UInt16, flags: UInt16, sequence: UInt32, _ body: (inout NetlinkWriter) -> Void
  ) {
    let start = bytes.count
    messageStart = start
    append(UInt32(0))
    append(type)
    append(flags)
    append(sequence)
    append(UInt32(0))  // port id: the kernel fills in the socket's
    body(&self)
    overwrite(UInt32(bytes.count - start), at: start)
    pad()
  }

  /// A fixed-size number in host order.
  package mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  /// A C structure such as `ifinfomsg`, as it lies in memory.
  package mutating func append<Value: BitwiseCopyable>(structure value: Value) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    pad()
  }

  /// Raw bytes, without a header.
  package mutating func append(bytes newBytes: some Sequence<UInt8>) { bytes.append(contentsOf: newBytes) }

  package mutating func attribute(_ type: Int, bytes value: some Collection<UInt8>) {
    append(UInt16(4 + value.count))
    append(UInt16(truncatingIfNeeded: type))
    bytes.append(contentsOf: value)
    pad()
  }
  /// A number in host order.
  package mutating func attribute<Value: FixedWidthInteger>(_ type: Int, _ value: Value) {
    append(UInt16(4 + MemoryLayout<Value>.size))
    append(UInt16(truncatingIfNeeded: type))
    append(value)
    pad()
  }
  /// A number in network order, as nf_tables wants its own.
  package mutating func attribute<Value: FixedWidthInteger>(_ type: Int, bigEndian value: Value) {
    attribute(type, value.bigEndian)
  }
  /// A string with its terminating zero.
  package mutating func attribute(_ type: Int, _ value: String) {
    append(UInt16(4 + value.utf8.count + 1))
    append(UInt16(truncatingIfNeeded: type))
    bytes.append(contentsOf: value.utf8)
    bytes.append(0)
    pad()
  }
  package mutating func attribute(_ type: Int, _ value: IPAddress) { attribute(type, bytes: value.bytes) }
  package mutating func attribute(_ type: Int, _ value: MACAddress) { attribute(type, bytes: value.bytes) }
  /// An attribute without a value, whose presence says it all.
  package mutating func flag(_ type: Int) { attribute(type, bytes: EmptyCollection()) }

  /// A nested attribute: whatever `body` appends is its value. `NLA_F_NESTED` is set, as strict kernels ask.
  package mutating func nested(_ type: Int, _ body: (inout NetlinkWriter) -> Void) {
    let start = bytes.count
    append(UInt16(0))
    append(UInt16(truncatingIfNeeded: type) | UInt16(NLA_F_NESTED))
    body(&self)
    overwrite(UInt16(bytes.count - start), at: start)
    pad()
  }

  private mutating func pad() { while bytes.count & 3 != 0 { bytes.append(0) } }

  /// Overwrites a number in host order that was written before.
  mutating func overwrite<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    withUnsafeBytes(of: value) { source in
      for (index, byte) in source.enumerated() { bytes[offset + index] = byte }
    }
  }
}

/// A received netlink message: header fields and payload.
package struct NetlinkMessage: Sendable {
  package let type: UInt16
  package let flags: UInt16
  package let sequence: UInt32
  /// The sender's port id; 0 for the kernel.
  package let port: UInt32
  package let payload: [UInt8]

  /// The attributes after a fixed header of `offset` bytes.
  package func attributes(after offset: Int) -> NetlinkAttributes {
    NetlinkAttributes(payload[min((offset + 3) & ~3, payload.count)...])
  }

  /// A C structure at the beginning of the payload; nil if the payload is too short.
  package func header<Value: BitwiseCopyable>(_ type: Value.Type = Value.self) -> Value? {
    guard payload.count >= MemoryLayout<Value>.size else { return nil }
    return payload.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
  }

  /// Splits what one receive returned into messages; a message that does not fit its buffer ends the list.
  package static func split(_ buffer: some RandomAccessCollection<UInt8>) -> [NetlinkMessage] {
    let bytes = Array(buffer)
    var messages: [NetlinkMessage] = []
    var offset = 0
    while offset + 16 <= bytes.count {
      let message: NetlinkMessage? = bytes.withUnsafeBytes { raw in
        let length = Int(raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        guard length >= 16, offset + length <= bytes.count else { return nil }
        defer { offset += (length + 3) & ~3 }
        return NetlinkMessage(
          type: raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self),
          flags: raw.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self),
          sequence: raw.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self),
          port: raw.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self),
          payload: Array(bytes[(offset + 16)..<(offset + length)]))
      }
      guard let message else { break }
      messages.append(message)
    }
    return messages
  }
}
