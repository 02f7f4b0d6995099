/// Where and why bytes are no JSON.
package struct JSONError: Error, Equatable, CustomStringConvertible {
  /// What was found and what was expected there.
  package let reason: String
  /// Byte offset from the beginning, and the same place as line and column, both counted from 1.
  package let offset: Int
  package let line: Int
  package let column: Int

  package var description: String { "line \(line), column \(column): \(reason)" }
}

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
    var parser = Parser(bytes: buffer)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == buffer.count else {
      throw parser.error("found more text after the end of the value, expected nothing")
    }
    self = value
  }
}

private struct Parser {
  let bytes: UnsafeBufferPointer<UInt8>
  var position = 0

  func error(_ reason: String, at offset: Int? = nil) -> JSONError {
    let offset = min(offset ?? position, bytes.count)
    var line = 1
    var lineStart = 0
    for index in 0..<offset where bytes[index] == 0x0A {
      line += 1
      lineStart = index + 1
    }
    return JSONError(reason: reason, offset: offset, line: line, column: offset - lineStart + 1)
  }

  func found() -> String {
    guard position < bytes.count else { return "found the end of the text" }
    let byte = bytes[position]
    return (0x21..<0x7F).contains(byte) ? "found '\(Character(UnicodeScalar(byte)))'" : "found byte \(byte)"
  }

  mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  mutating func value(depth: Int) throws(JSONError) -> JSON {
    guard depth < JSON.maximumDepth else { throw error("nested deeper than \(JSON.maximumDepth) levels") }
    skipSpace()
    guard position < bytes.count else { throw error("found the end of the text, expected a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw error("\(found()), expected a value")
    }
  }

  mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    let length = text.utf8CodeUnitCount
    guard position + length <= bytes.count,
      (0..<length).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
    else { throw error("\(found()), expected \(text)") }
    position += length
    return value
  }

  mutating func object(depth: Int) throws(JSONError) -> JSON {
    position += 1
    var object = JSON.Object()
    skipSpace()
    if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
      position += 1
      return .object(object)
    }
    while true {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw error("\(found()), expected a member name in quotes")
      }
      let key = try string()
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
        throw error("\(found()), expected ':' after member name \"\(key)\"")
      }
      position += 1
      object.append(key, try value(depth: depth + 1))
      skipSpace()
      guard position < bytes.count else { throw error("found the end of the text, expected ',' or '}'") }
      switch bytes[position] {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return .object(object)
      default: throw error("\(found()), expected ',' or '}'")
      }
    }
  }

  mutating func array(depth: Int) throws(JSONError) -> JSON {
    position += 1
    var values: [JSON] = []
    skipSpace()
    if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
      position += 1
      return .array(values)
    }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpace()
      guard position < bytes.count else { throw error("found the end of the text, expected ',' or ']'") }
      switch bytes[position] {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return .array(values)
      default: throw error("\(found()), expected ',' or ']'")
      }
    }
  }

  mutating func number() throws(JSONError) -> JSON {
    let start = position
    var isInteger = true
    func digit() -> Bool { position < bytes.count && (0x30...0x39).contains(bytes[position]) }
    if bytes[position] == UInt8(ascii: "-") { position += 1 }
    guard digit() else { throw error("\(found()), expected a digit") }
    if bytes[position] == UInt8(ascii: "0") {
      position += 1
      if digit() { throw error("a number cannot begin with 0") }
    } else {
      while digit() { position += 1 }
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      guard digit() else { throw error("\(found()), expected a digit after '.'") }
      while digit() { position += 1 }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      position += 1
      if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
        position += 1
      }
      guard digit() else { throw error("\(found()), expected a digit in the exponent") }
      while digit() { position += 1 }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else {
      throw error("number \(text) is outside the range of a 64-bit float", at: start)
    }
    return .number(value)
  }

  mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    // Most strings have no escape: find the end, then take the bytes at once.
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
          throw error("string is not valid UTF-8", at: start)
        }
        position += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { break }
      guard byte >= 0x20 else { throw error("control character \(byte) in a string must be escaped") }
      position += 1
    }
    return try escapedString(start: start)
  }

  mutating func escapedString(start: Int) throws(JSONError) -> String {
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let value = String(validating: text, as: UTF8.self) else {
          throw error("string is not valid UTF-8", at: start)
        }
        return value
      case UInt8(ascii: "\\"):
        guard position < bytes.count else { break }
        let escape = bytes[position]
        position += 1
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(try unicodeEscape()).utf8)
        default: throw error("unknown escape after '\\'", at: position - 1)
        }
      case 0..<0x20: throw error("control character \(byte) in a string must be escaped", at: position - 1)
      default: text.append(byte)
      }
    }
    throw error("string has no end", at: start - 1)
  }

  /// The four digits after `\u`, with the second half of a surrogate pair; a lone surrogate becomes U+FFFD, as in Go.
  mutating func unicodeEscape() throws(JSONError) -> Character {
    let first = try hexDigits()
    if (0xD800..<0xDC00).contains(first), position + 6 <= bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      let mark = position
      position += 2
      let second = try hexDigits()
      if (0xDC00..<0xE000).contains(second),
        let scalar = UnicodeScalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
      {
        return Character(scalar)
      }
      position = mark
    }
    return Character(UnicodeScalar(UInt32(first)) ?? "\u{FFFD}")
  }

  mutating func hexDigits() throws(JSONError) -> UInt16 {
    guard position + 4 <= bytes.count else { throw error("string ends inside '\\u'") }
    var value: UInt16 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch bytes[position] {
      case 0x30...0x39: digit = bytes[position] - 0x30
      case 0x61...0x66: digit = bytes[position] - 0x61 + 10
      case 0x41...0x46: digit = bytes[position] - 0x41 + 10
      default: throw error("\(found()), expected a hexadecimal digit")
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }
}
