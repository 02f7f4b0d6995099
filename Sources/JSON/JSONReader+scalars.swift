/// The scalars of JSON: white space, literals, numbers and strings.
extension JSONReader {
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

  mutating func literal(_ text: StaticString) throws(JSONError) {
    let length = text.utf8CodeUnitCount
    guard position + length <= bytes.count,
      (0..<length).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
    else { throw error("\(found()), expected \(text)") }
    position += length
  }

  /// Reads a number's text; whether it has neither fraction nor exponent.
  mutating func numberText() throws(JSONError) -> (bytes: Slice<UnsafeBufferPointer<UInt8>>, isInteger: Bool) {
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
    return (bytes[start..<position], isInteger)
  }

  /// Reads a number.
  mutating func number() throws(JSONError) -> JSON {
    let start = position
    let (digits, isInteger) = try numberText()
    // Most numbers are short integers, for which no text is needed.
    if isInteger, digits.count < 18 {
      let isNegative = digits.first == UInt8(ascii: "-")
      let magnitude = digits.dropFirst(isNegative ? 1 : 0).reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
      return .int(isNegative ? -magnitude : magnitude)
    }
    let text = String(decoding: digits, as: UTF8.self)
    if isInteger, let value = Int64(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else {
      throw error("number \(text) is outside the range of a 64-bit float", at: start)
    }
    return .number(value)
  }

  /// Reads a string that is not kept: what is between its quotes, and whether it has escapes. All of it is checked.
  mutating func quoted() throws(JSONError) -> (bytes: UnsafeBufferPointer<UInt8>, hasEscapes: Bool) {
    let start = position + 1
    let isASCII = try plainText()
    if bytes[position] == UInt8(ascii: "\\") {
      _ = try escapedText(start: start)
      return (UnsafeBufferPointer(rebasing: bytes[start..<(position - 1)]), true)
    }
    let text = UnsafeBufferPointer(rebasing: bytes[start..<position])
    if !isASCII, String(validating: text, as: UTF8.self) == nil {
      throw error("string is not valid UTF-8", at: start)
    }
    position += 1
    return (text, false)
  }

  /// Reads a string.
  mutating func text() throws(JSONError) -> String {
    let start = position + 1
    let isASCII = try plainText()
    if bytes[position] == UInt8(ascii: "\\") { return try escapedText(start: start) }
    if isASCII {
      let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
      position += 1
      return text
    }
    guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
      throw error("string is not valid UTF-8", at: start)
    }
    position += 1
    return text
  }

  /// Goes from a string's first quote to its end or its first escape; answers whether there are only ASCII bytes between.
  /// Most strings have no escape: their bytes can be taken at once.
  private mutating func plainText() throws(JSONError) -> Bool {
    let start = position
    position += 1
    var seen: UInt8 = 0
    // Eight bytes at a time, as long as none of them ends the text or is a control character.
    while position + 8 <= bytes.count {
      let word = UnsafeRawPointer(bytes.baseAddress! + position).loadUnaligned(as: UInt64.self)
      let ones: UInt64 = 0x0101_0101_0101_0101
      let quotes = word ^ (ones &* 0x22)
      let backslashes = word ^ (ones &* 0x5C)
      let stops =
        ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- ones &* 0x20) & ~word)
      if stops & (ones &* 0x80) != 0 { break }
      if word & (ones &* 0x80) != 0 { seen = 0x80 }
      position += 8
    }
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return seen < 0x80 }
      guard byte >= 0x20 else { throw error("control character \(byte) in a string must be escaped") }
      seen |= byte
      position += 1
    }
    throw error("string has no end", at: start)
  }

  /// The text of a string whose first escape is at the position.
  private mutating func escapedText(start: Int) throws(JSONError) -> String {
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
  private mutating func unicodeEscape() throws(JSONError) -> Character {
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

  private mutating func hexDigits() throws(JSONError) -> UInt16 {
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
