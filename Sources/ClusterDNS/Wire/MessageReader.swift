/// Reads a message of unknown origin: every offset is checked, and a name's pointers may only point backwards, so that
/// no message can make it loop.
struct MessageReader {
  let bytes: UnsafeBufferPointer<UInt8>

  /// A record's place in the message.
  struct Record {
    var nameOffset: Int
    var type: RecordType
    var recordClass: UInt16
    var ttl: UInt32
    var ttlOffset: Int
    var dataOffset: Int
    var dataLength: Int
    var end: Int { dataOffset + dataLength }
  }

  func uint16(at offset: Int) -> UInt16? {
    guard offset >= 0, offset + 2 <= bytes.count else { return nil }
    return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
  }

  func uint32(at offset: Int) -> UInt32? {
    guard let high = uint16(at: offset), let low = uint16(at: offset + 2) else { return nil }
    return UInt32(high) << 16 | UInt32(low)
  }

  /// The offset after a name; nil if it is malformed. What a pointer points to is read by `name(at:)`.
  func skipName(at start: Int) -> Int? {
    var offset = start
    while offset < bytes.count {
      let length = bytes[offset]
      if length == 0 { return offset + 1 }
      if length >= 0xC0 { return offset + 2 <= bytes.count ? offset + 2 : nil }
      guard length <= 63 else { return nil }
      offset += Int(length) + 1
      guard offset - start < Wire.longestName else { return nil }
    }
    return nil
  }

  /// A name without compression, as it is written there, and the offset after it; nil if it is malformed.
  func name(at start: Int) -> (wire: [UInt8], end: Int)? {
    var wire: [UInt8] = []
    var offset = start
    var end: Int?
    var limit = start
    while offset < bytes.count {
      let length = bytes[offset]
      if length >= 0xC0 {
        guard let pointer = uint16(at: offset) else { return nil }
        let target = Int(pointer & 0x3FFF)
        // Strictly before where this part of the name began: each jump goes back, so there is an end.
        guard target < limit, target >= Wire.headerLength else { return nil }
        end = end ?? offset + 2
        offset = target
        limit = target
        continue
      }
      guard length <= 63, offset + Int(length) < bytes.count, wire.count + Int(length) + 1 <= Wire.longestName else {
        return nil
      }
      wire += bytes[offset...(offset + Int(length))]
      offset += Int(length) + 1
      if length == 0 { return (wire, end ?? offset) }
    }
    return nil
  }

  /// The record that begins at an offset.
  func record(at offset: Int) -> Record? {
    guard let afterName = skipName(at: offset), let type = uint16(at: afterName),
      let recordClass = uint16(at: afterName + 2), let ttl = uint32(at: afterName + 4),
      let length = uint16(at: afterName + 8), afterName + 10 + Int(length) <= bytes.count
    else { return nil }
    return Record(
      nameOffset: offset, type: RecordType(rawValue: type), recordClass: recordClass, ttl: ttl,
      ttlOffset: afterName + 4, dataOffset: afterName + 10, dataLength: Int(length))
  }
}
