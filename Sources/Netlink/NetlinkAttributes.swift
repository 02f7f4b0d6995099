package import Addressing

/// A run of netlink attributes. Malformed lengths end the run; they never read beyond it.
package struct NetlinkAttributes: Sequence, Sendable {
  package struct Attribute: Sendable {
    /// The type without the nested and byte-order bits.
    package let type: Int
    package let value: ArraySlice<UInt8>

    /// A number in host order; nil if the value is too short.
    package func number<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value? {
      guard value.count >= MemoryLayout<Value>.size else { return nil }
      return value.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
    }
    /// A number in network order.
    package func bigEndian<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value? {
      number(type).map { Value(bigEndian: $0) }
    }
    /// A C structure; nil if the value is too short.
    package func structure<Value: BitwiseCopyable>(_ type: Value.Type = Value.self) -> Value? {
      guard value.count >= MemoryLayout<Value>.size else { return nil }
      return value.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
    }
    package var string: String { String(decoding: value.prefix { $0 != 0 }, as: UTF8.self) }
    package var address: IPAddress? { IPAddress(bytes: value) }
    package var macAddress: MACAddress? { MACAddress(bytes: value) }
    package var nested: NetlinkAttributes { NetlinkAttributes(value) }
  }

  private let bytes: ArraySlice<UInt8>

  package init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// The first attribute of a type.
  package subscript(type: Int) -> Attribute? {
    for attribute in self where attribute.type == type { return attribute }
    return nil
  }

  package func makeIterator() -> Iterator { Iterator(rest: bytes) }

  /// Walks over the bytes in place: a dump of 100,000 elements has millions of attributes, and none may cost an
  /// allocation.
  package struct Iterator: IteratorProtocol {
    fileprivate var rest: ArraySlice<UInt8>

    package mutating func next() -> Attribute? {
      guard rest.count >= 4 else { return nil }
      let (length, type) = rest.withUnsafeBytes {
        (Int($0.loadUnaligned(as: UInt16.self)), $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      }
      guard length >= 4, length <= rest.count else { return nil }
      let start = rest.startIndex
      defer { rest = rest[Swift.min(start + ((length + 3) & ~3), rest.endIndex)...] }
      return Attribute(type: Int(type & 0x3FFF), value: rest[(start + 4)..<(start + length)])
    }
  }
}
