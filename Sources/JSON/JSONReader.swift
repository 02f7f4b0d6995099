/// Reads JSON text (RFC 8259, UTF-8) as its caller asks for it, without building values that nobody wants.
///
/// The caller takes what it is interested in; a value that it does not take is skipped, but its syntax is checked all the
/// same. Nothing is copied but the strings that are asked for. The bytes are borrowed: a reader, and what `raw` and keys
/// point to, must not outlive the call that lent them.
///
///     try JSONReader.read(bytes) { reader throws(JSONError) in
///       try reader.members { reader, key throws(JSONError) in
///         if key == "name" { name = try reader.string() }
///       }
///     }
package struct JSONReader {
  let bytes: UnsafeBufferPointer<UInt8>
  /// Where the reader is, in bytes from the beginning.
  package internal(set) var position = 0
  private var depth = 0

  /// What kind of value comes next.
  package enum Kind: Sendable { case object, array, string, number, bool, null }

  /// The name of a member, not yet unescaped. Compared to literals without being copied.
  package struct Key {
    fileprivate let bytes: UnsafeBufferPointer<UInt8>
    /// Only a key with escapes needs this: how it reads.
    fileprivate let unescaped: String?

    package var string: String { unescaped ?? String(decoding: bytes, as: UTF8.self) }

    package static func == (key: Key, text: StaticString) -> Bool {
      if let unescaped = key.unescaped { return unescaped == text.description }
      guard key.bytes.count == text.utf8CodeUnitCount else { return false }
      for index in 0..<key.bytes.count where key.bytes[index] != text.utf8Start[index] { return false }
      return true
    }
  }

  /// A reader of borrowed bytes; `end` must be called after the value for a whole text.
  package init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Lends a whole text to a reader. Anything but white space after its value is an error.
  package static func read<Result>(
    _ bytes: [UInt8], _ body: (inout JSONReader) throws(JSONError) -> Result
  ) throws(JSONError) -> Result {
    try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
      var reader = JSONReader(buffer)
      let result = try body(&reader)
      try reader.end()
      return result
    }
  }

  /// Reads the rest, in which only white space may be.
  package mutating func end() throws(JSONError) {
    if position == 0 { try skip() }
    skipSpace()
    guard position == bytes.count else {
      throw error("found more text after the end of the value, expected nothing")
    }
  }

  /// The kind of the next value, which is not read yet.
  package mutating func peek() throws(JSONError) -> Kind {
    guard depth < JSON.maximumDepth else { throw error("nested deeper than \(JSON.maximumDepth) levels") }
    skipSpace()
    guard position < bytes.count else { throw error("found the end of the text, expected a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw error("\(found()), expected a value")
    }
  }

  /// Reads an object and hands each member's name over, in order; the closure reads the value, or leaves it. A value of
  /// another kind is skipped, as an object without members.
  package mutating func members(
    _ body: (inout JSONReader, Key) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard try peek() == .object else { return try skip() }
    depth += 1
    position += 1
    skipSpace()
    if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
      position += 1
      depth -= 1
      return
    }
    while true {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw error("\(found()), expected a member name in quotes")
      }
      let key = try key()
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
        throw error("\(found()), expected ':' after member name \"\(key.string)\"")
      }
      position += 1
      skipSpace()
      let start = position
      try body(&self, key)
      if position == start { try skip() }
      guard try separator(UInt8(ascii: "}"), "'}'") else { return }
    }
  }

  /// Reads an array and calls the closure at each element, which it reads, or leaves. A value of another kind is skipped,
  /// as an array without elements.
  package mutating func elements(_ body: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
    guard try peek() == .array else { return try skip() }
    depth += 1
    position += 1
    skipSpace()
    if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
      position += 1
      depth -= 1
      return
    }
    while true {
      skipSpace()
      let start = position
      try body(&self)
      if position == start { try skip() }
      guard try separator(UInt8(ascii: "]"), "']'") else { return }
    }
  }

  /// Reads what stands after an element or member: true for a comma, false for the end.
  private mutating func separator(_ end: UInt8, _ name: String) throws(JSONError) -> Bool {
    skipSpace()
    guard position < bytes.count else { throw error("found the end of the text, expected ',' or \(name)") }
    switch bytes[position] {
    case UInt8(ascii: ","):
      position += 1
      return true
    case end:
      position += 1
      depth -= 1
      return false
    default: throw error("\(found()), expected ',' or \(name)")
    }
  }

  /// Reads a string; nil for a value of another kind, which is skipped.
  package mutating func string() throws(JSONError) -> String? {
    guard try peek() == .string else {
      try skip()
      return nil
    }
    return try text()
  }

  /// Reads a number without fraction that fits; nil for any other value, which is skipped.
  package mutating func int() throws(JSONError) -> Int? {
    guard try peek() == .number else {
      try skip()
      return nil
    }
    return try number().int
  }

  /// Reads a boolean; nil for a value of another kind, which is skipped.
  package mutating func bool() throws(JSONError) -> Bool? {
    guard try peek() == .bool else {
      try skip()
      return nil
    }
    let isTrue = bytes[position] == UInt8(ascii: "t")
    try literal(isTrue ? "true" : "false")
    return isTrue
  }

  /// Reads an object of strings (labels, annotations); other values in it are left out.
  package mutating func stringMap() throws(JSONError) -> [String: String] {
    var map: [String: String] = [:]
    try members { reader, key throws(JSONError) in map[key.string] = try reader.string() }
    return map
  }

  /// Reads any value and gives back its text, borrowed.
  package mutating func raw() throws(JSONError) -> UnsafeBufferPointer<UInt8> {
    skipSpace()
    let start = position
    try skip()
    return UnsafeBufferPointer(rebasing: bytes[start..<position])
  }

  /// Reads any value without keeping it.
  package mutating func skip() throws(JSONError) {
    switch try peek() {
    case .object: try skipContainer(UInt8(ascii: "}"), "'}'")
    case .array: try skipContainer(UInt8(ascii: "]"), "']'")
    case .string: _ = try quoted()
    case .number: _ = try numberText()
    case .bool: try literal(bytes[position] == UInt8(ascii: "t") ? "true" : "false")
    case .null: try literal("null")
    }
  }

  /// The same as `members` and `elements` with nothing taken, but without a closure for each: most of a text is skipped.
  private mutating func skipContainer(_ end: UInt8, _ name: String) throws(JSONError) {
    depth += 1
    position += 1
    skipSpace()
    if position < bytes.count, bytes[position] == end {
      position += 1
      depth -= 1
      return
    }
    repeat {
      if end == UInt8(ascii: "}") {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
          throw error("\(found()), expected a member name in quotes")
        }
        let key = try quoted()
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
          throw error(
            "\(found()), expected ':' after member name \"\(String(decoding: key.bytes, as: UTF8.self))\"")
        }
        position += 1
      }
      try skip()
    } while try separator(end, name)
  }

  /// Reads any value as a tree.
  package mutating func value() throws(JSONError) -> JSON {
    switch try peek() {
    case .object:
      var object = JSON.Object()
      try members { reader, key throws(JSONError) in object.append(key.string, try reader.value()) }
      return .object(object)
    case .array:
      var values: [JSON] = []
      try elements { reader throws(JSONError) in values.append(try reader.value()) }
      return .array(values)
    case .string: return .string(try text())
    case .number: return try number()
    case .bool: return .bool(try bool() ?? false)
    case .null:
      try literal("null")
      return .null
    }
  }

  private mutating func key() throws(JSONError) -> Key {
    let start = position
    let quoted = try quoted()
    guard quoted.hasEscapes else { return Key(bytes: quoted.bytes, unescaped: nil) }
    position = start
    return Key(bytes: quoted.bytes, unescaped: try text())
  }
}
