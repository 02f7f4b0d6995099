internal import Glibc

/// A domain name in lower-case wire form: labels with their lengths, then the root.
package struct DomainName: Hashable, Sendable, CustomStringConvertible {
  /// The wire form, 1 to 255 bytes.
  let wire: [UInt8]
  /// Offset of each label's length byte in `wire`, the root left out.
  let labels: [UInt8]

  /// Text with dots; one at the end changes nothing. Labels may hold any byte but a dot.
  package init(parsing text: String) throws(DomainNameError) {
    var wire: [UInt8] = []
    let name = text.hasSuffix(".") ? text.utf8.dropLast() : text.utf8[...]
    for label in name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) where !name.isEmpty {
      guard !label.isEmpty else { throw DomainNameError(text: text, reason: "a label is empty") }
      guard label.count <= Wire.longestLabel else {
        throw DomainNameError(text: text, reason: "a label has \(label.count) bytes, more than 63")
      }
      wire.append(UInt8(label.count))
      wire += label.map(Wire.lower)
    }
    wire.append(0)
    guard wire.count <= Wire.longestName else {
      throw DomainNameError(text: text, reason: "the name takes \(wire.count) bytes, more than 255")
    }
    self.init(validWire: wire)
  }

  /// Wire form that is known to be valid; made lower-case.
  init(validWire: some Collection<UInt8>) {
    let wire = validWire.map(Wire.lower)
    var labels: [UInt8] = []
    var offset = 0
    while wire[offset] != 0 {
      labels.append(UInt8(offset))
      offset += Int(wire[offset]) + 1
    }
    self.wire = wire
    self.labels = labels
  }

  package var description: String {
    if labels.isEmpty { return "." }
    return labels.map { offset in
      String(decoding: wire[(Int(offset) + 1)...(Int(offset) + Int(wire[Int(offset)]))], as: UTF8.self)
    }.joined(separator: ".")
  }

  /// This name below another one: `web.default` + `svc.cluster.local`. nil where the result is too long.
  func below(_ parent: DomainName) -> DomainName? {
    guard wire.count - 1 + parent.wire.count <= Wire.longestName else { return nil }
    return DomainName(validWire: wire.dropLast() + parent.wire)
  }

  /// Gives the name as a view, valid inside the closure.
  func withView<Result>(_ body: (NameView) throws -> Result) rethrows -> Result {
    try wire.withUnsafeBufferPointer { wire in
      try labels.withUnsafeBufferPointer { labels in
        // An empty array has no address; nothing reads the labels of the root.
        try body(
          NameView(
            bytes: wire.baseAddress!, length: wire.count, labels: labels.baseAddress ?? wire.baseAddress!,
            labelCount: labels.count))
      }
    }
  }
}

/// Text that is no domain name.
package struct DomainNameError: Error, Hashable, CustomStringConvertible {
  package let text: String
  package let reason: String
  package var description: String { "\"\(text)\" is no domain name: \(reason)" }
}

/// A lower-case name in somebody else's memory, so that a question is looked up without copying it to the heap.
struct NameView {
  let bytes: UnsafePointer<UInt8>
  /// Bytes of the whole name, its root included.
  let length: Int
  let labels: UnsafePointer<UInt8>
  let labelCount: Int

  /// The bytes of a label without its length.
  func label(_ index: Int) -> UnsafeBufferPointer<UInt8> {
    let start = bytes + Int(labels[index])
    return UnsafeBufferPointer(start: start + 1, count: Int(start[0]))
  }

  /// The wire form of consecutive labels, without a root.
  func wire(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
    let start = Int(labels[range.lowerBound])
    let end = range.upperBound < labelCount ? Int(labels[range.upperBound]) : length - 1
    return UnsafeBufferPointer(start: bytes + start, count: end - start)
  }

  /// The wire form from a label to the root.
  func end(_ first: Int) -> UnsafeBufferPointer<UInt8> {
    let start = first < labelCount ? Int(labels[first]) : length - 1
    return UnsafeBufferPointer(start: bytes + start, count: length - start)
  }

  func label(_ index: Int, is text: StaticString) -> Bool {
    let label = label(index)
    return label.count == text.utf8CodeUnitCount && memcmp(label.baseAddress!, text.utf8Start, label.count) == 0
  }

  /// Whether the name is this one or below it.
  func isWithin(_ zone: DomainName) -> Bool {
    guard labelCount >= zone.labels.count else { return false }
    let first = labelCount - zone.labels.count
    let start = first < labelCount ? Int(labels[first]) : length - 1
    return length - start == zone.wire.count
      && zone.wire.withUnsafeBufferPointer {
        memcmp(bytes + start, $0.baseAddress!, $0.count) == 0
      }
  }

  var name: DomainName { DomainName(validWire: UnsafeBufferPointer(start: bytes, count: length)) }
}
