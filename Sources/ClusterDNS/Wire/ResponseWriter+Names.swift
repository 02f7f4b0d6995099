/// Names, of which later ones point to earlier ones (RFC 1035 section 4.1.4).
extension ResponseWriter {
  mutating func append(name: DomainName, compressed: Bool = true) {
    name.wire.withUnsafeBufferPointer { append(name: $0, compressed: compressed) }
  }

  /// A whole name in wire form. Names in SRV data must not be compressed (RFC 2782) but may be pointed to.
  mutating func append(name: UnsafeBufferPointer<UInt8>, compressed: Bool = true) {
    learnQuestion()
    var offset = 0
    while name[offset] != 0 {
      if compressed, let known = find(name, offset) {
        append16(0xC000 | known)
        return
      }
      if position < 0x4000, offsetCount < 32, position < limit {
        offsets[offsetCount] = UInt16(position)
        offsetCount += 1
      }
      let length = Int(name[offset]) + 1
      append(UnsafeBufferPointer(rebasing: name[offset..<(offset + length)]))
      offset += length
    }
    append8(0)
  }

  /// One label and then a whole name, as a host below its Service.
  mutating func append(label: UnsafeBufferPointer<UInt8>, below name: DomainName, compressed: Bool = true) {
    learnQuestion()
    if position < 0x4000, offsetCount < 32, position < limit {
      offsets[offsetCount] = UInt16(position)
      offsetCount += 1
    }
    append8(UInt8(label.count))
    append(label)
    append(name: name, compressed: compressed)
  }

  private mutating func learnQuestion() {
    guard !isQuestionKnown, let query else { return }
    isQuestionKnown = true
    let name = query.name
    for index in 0..<min(name.labelCount, 16) {
      offsets[offsetCount] = UInt16(Wire.headerLength) + UInt16(name.labels[index])
      offsetCount += 1
    }
  }

  private func find(_ name: UnsafeBufferPointer<UInt8>, _ start: Int) -> UInt16? {
    for index in 0..<offsetCount where matches(Int(offsets[index]), name, start) { return offsets[index] }
    return nil
  }

  /// Whether the name written at an offset equals the rest of `name`, without regard to case.
  private func matches(_ written: Int, _ name: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
    var here = written
    var there = start
    while here < position {
      let length = Int(base[here])
      if length >= 0xC0 {
        here = (length & 0x3F) << 8 | Int(base[here + 1])
        continue
      }
      guard length == Int(name[there]), here + length < position else { return false }
      if length == 0 { return true }
      for index in 1...length where Wire.lower(base[here + index]) != Wire.lower(name[there + index]) { return false }
      here += length + 1
      there += length + 1
    }
    return false
  }
}
