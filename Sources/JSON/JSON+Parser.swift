extension JSON {
  /// How deep arrays and objects may nest; deeper input is refused before it can exhaust the stack.
  package static let maximumDepth = 512

  /// Parses one JSON text (RFC 8259, UTF-8); anything but white space after it is an error.
  package init(parsing bytes: [UInt8]) throws(JSONError) {
    self = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in try JSON(parsing: buffer) }
  }

  package init(parsing text: String) throws(JSONError) {
    try self.init(parsing: Array(text.utf8))
  }

  package init(parsing buffer: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    var reader = JSONReader(buffer)
    self = try reader.value()
    try reader.end()
  }
}
