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
    // Other attributes are passed over without making slices of them.
    let value: Range<Int>? = bytes.withUnsafeBytes { raw in
      var offset = 0
      while let header = Self.header(raw, at: offset) {
        if header.type == type { return (offset + 4)..<(offset + header.length) }
        offset += (header.length + 3) & ~3
      }
      return nil
    }
    return value.map {
      Attribute(type: type, value: bytes[(bytes.startIndex + $0.lowerBound)..<(bytes.startIndex + $0.upperBound)])
    }
  }

  /// Type and length, header included, of the attribute at an offset; nil at the end and where the length is malformed.
  private static func header(_ raw: UnsafeRawBufferPointer, at offset: Int) -> (type: Int, length: Int)? {
    guard offset + 4 <= raw.count else { return nil }
    let length = Int(raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    guard length >= 4, offset + length <= raw.count else { return nil }
    return (Int(raw.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self) & 0x3FFF), length)
  }

  package func makeIterator() -> Iterator { Iterator(bytes: bytes) }

  /// Walks over the bytes in place: a dump of 100,000 elements has millions of attributes, and none may cost an
  /// allocation.
  package struct Iterator: IteratorProtocol {
    fileprivate let bytes: ArraySlice<UInt8>
    private var offset = 0

    fileprivate init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    package mutating func next() -> Attribute? {
      guard let header = bytes.withUnsafeBytes({ NetlinkAttributes.header($0, at: offset) }) else { return nil }
      let start = bytes.startIndex + offset
      offset += (header.length + 3) & ~3
      return Attribute(type: header.type, value: bytes[(start + 4)..<(start + header.length)])
    }
  }
}
