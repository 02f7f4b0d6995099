internal import JSON

/// The type of a scalar, as Kubernetes' tools decide it (YAML 1.1 without sexagesimal numbers; a date stays a string).
enum YAMLScalar {
  private static let prefix = "tag:yaml.org,2002:"

  /// nil where the scalar does not fit its tag, or is a float JSON cannot hold (`.inf`, `.nan`).
  static func resolve(_ text: String, tag: String?, isPlain: Bool) -> JSON? {
    guard let tag, tag != "!" else { return isPlain ? plain(text) : .string(text) }
    switch tag {
    case prefix + "str": return .string(text)
    case prefix + "binary":
      guard let bytes = Base64.decode(text.filter { !$0.isWhitespace }) else { return nil }
      return .string(String(decoding: bytes, as: UTF8.self))
    case prefix + "int":
      guard case .int(let value)? = plain(text) else { return nil }
      return .int(value)
    case prefix + "float":
      switch plain(text) {
      case .int(let value): return .int(value)
      case .double(let value): return .double(value)
      default: return nil
      }
    case prefix + "bool":
      guard case .bool(let value)? = plain(text) else { return nil }
      return .bool(value)
    case prefix + "null": return plain(text) == .null ? .null : nil
    default: return isPlain ? plain(text) : .string(text)
    }
  }

  private static func plain(_ text: String) -> JSON? {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": return .bool(true)
    case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": return .bool(false)
    case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
      return nil
    default: break
    }
    guard let first = text.utf8.first else { return .string(text) }
    switch first {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      return number(text) ?? .string(text)
    default: return .string(text)
    }
  }

  private static func number(_ text: String) -> JSON? {
    // Underscores may group digits.
    let digits = text.utf8.contains(UInt8(ascii: "_")) ? text.filter { $0 != "_" } : text
    if let integer = integer(digits) { return integer }
    guard isFloat(digits.utf8), let value = Double(digits.hasSuffix(".") ? digits + "0" : digits), value.isFinite else {
      return nil
    }
    return .number(value)
  }

  /// Decimal, or with the prefixes 0x, 0o, 0b, or octal by a leading 0.
  private static func integer(_ text: String) -> JSON? {
    var rest = text[...]
    var sign = ""
    if let first = rest.first, first == "-" || first == "+" {
      sign = first == "-" ? "-" : ""
      rest.removeFirst()
    }
    guard let first = rest.utf8.first, (0x30...0x39).contains(first) else { return nil }
    var radix = 10
    let lower = rest.prefix(2).lowercased()
    switch lower {
    case "0x": radix = 16
    case "0o": radix = 8
    case "0b": radix = 2
    default: break
    }
    if radix != 10 {
      rest = rest.dropFirst(2)
    } else if first == UInt8(ascii: "0"), rest.utf8.count > 1 {
      radix = 8
      rest = rest.dropFirst()
    }
    guard let digit = rest.utf8.first, digit != UInt8(ascii: "+"), digit != UInt8(ascii: "-") else { return nil }
    if let value = Int64(sign + rest, radix: radix) { return .int(value) }
    // Beyond 64 bits with sign: what a JSON decoder makes of it.
    return UInt64(sign + rest, radix: radix).map { .double(Double($0)) }
  }

  /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
  private static func isFloat(_ text: String.UTF8View) -> Bool {
    var rest = text[...]
    func take(_ bytes: String) -> Bool {
      guard let first = rest.first, bytes.utf8.contains(first) else { return false }
      rest.removeFirst()
      return true
    }
    func takeDigits() -> Int {
      let count = rest.prefix { (0x30...0x39).contains($0) }.count
      rest.removeFirst(count)
      return count
    }
    _ = take("-+")
    if takeDigits() > 0 {
      if take(".") { _ = takeDigits() }
    } else {
      guard take("."), takeDigits() > 0 else { return false }
    }
    if take("eE") {
      _ = take("-+")
      guard takeDigits() > 0 else { return false }
    }
    return rest.isEmpty
  }
}
