extension JSON: CustomStringConvertible {
  /// The value as JSON text without white space.
  package var description: String { String(decoding: bytes(), as: UTF8.self) }

  /// The value as UTF-8 JSON text without white space.
  package func bytes() -> [UInt8] {
    var output: [UInt8] = []
    write(to: &output)
    return output
  }

  /// Indented by two spaces a level, for people.
  package func prettyDescription() -> String {
    var output: [UInt8] = []
    write(to: &output, indent: 0)
    return String(decoding: output, as: UTF8.self)
  }

  /// Appends the value as UTF-8 JSON text; `indent` nil writes no white space.
  package func write(to output: inout [UInt8], indent: Int? = nil) {
    switch self {
    case .null: output += "null".utf8
    case .bool(let value): output += (value ? "true" : "false").utf8
    case .int(let value): output += String(value).utf8
    case .double(let value):
      // A float without fraction is written as an integer, as Go's encoder does.
      if let integer = Int64(exactly: value) {
        output += String(integer).utf8
      } else {
        output += (value.isFinite ? "\(value)" : "null").utf8
      }
    case .string(let value): JSON.write(value, to: &output)
    case .array(let values):
      output.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        JSON.separate(first: index == 0, indent: indent, output: &output)
        value.write(to: &output, indent: indent.map { $0 + 1 })
      }
      if !values.isEmpty { JSON.newline(indent, &output) }
      output.append(UInt8(ascii: "]"))
    case .object(let object):
      output.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        JSON.separate(first: index == 0, indent: indent, output: &output)
        JSON.write(member.key, to: &output)
        output.append(UInt8(ascii: ":"))
        if indent != nil { output.append(0x20) }
        member.value.write(to: &output, indent: indent.map { $0 + 1 })
      }
      if !object.isEmpty { JSON.newline(indent, &output) }
      output.append(UInt8(ascii: "}"))
    }
  }

  private static func separate(first: Bool, indent: Int?, output: inout [UInt8]) {
    if !first { output.append(UInt8(ascii: ",")) }
    newline(indent.map { $0 + 1 }, &output)
  }

  private static func newline(_ indent: Int?, _ output: inout [UInt8]) {
    guard let indent else { return }
    output.append(0x0A)
    output += repeatElement(0x20, count: indent * 2)
  }

  private static func write(_ text: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        output.append(UInt8(ascii: "\\"))
        output.append(byte)
      case 0x0A: output += "\\n".utf8
      case 0x0D: output += "\\r".utf8
      case 0x09: output += "\\t".utf8
      case 0..<0x20:
        output += "\\u00".utf8
        output.append("0123456789abcdef".utf8.dropFirst(Int(byte >> 4)).first!)
        output.append("0123456789abcdef".utf8.dropFirst(Int(byte & 15)).first!)
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
