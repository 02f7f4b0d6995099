/// The path and the query of a request.
package struct RequestTarget: Sendable {
  /// The decoded segments of the path, without empty ones.
  package let path: [String]
  private let query: [(name: String, value: String)]

  /// Throws 400 where the escapes are wrong or do not give UTF-8.
  package init(_ target: String) throws(StatusError) {
    let bytes = Array(target.utf8)
    let question = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
    var path: [String] = []
    for part in bytes[..<question].split(separator: UInt8(ascii: "/")) { path.append(try Self.decode(part, false)) }
    self.path = path
    var query: [(String, String)] = []
    for part in bytes[min(question + 1, bytes.count)...].split(separator: UInt8(ascii: "&")) {
      let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
      let value = equals < part.endIndex ? try Self.decode(part[(equals + 1)...], true) : ""
      query.append((try Self.decode(part[..<equals], true), value))
    }
    self.query = query
  }

  private static func decode(_ text: ArraySlice<UInt8>, _ plusIsSpace: Bool) throws(StatusError) -> String {
    var output: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      switch text[index] {
      case UInt8(ascii: "%"):
        guard index + 2 < text.endIndex, let high = hex(text[index + 1]), let low = hex(text[index + 2]) else {
          throw .badRequest("the URL has a '%' that two hexadecimal digits do not follow")
        }
        output.append(high << 4 | low)
        index += 3
      case UInt8(ascii: "+") where plusIsSpace:
        output.append(0x20)
        index += 1
      default:
        output.append(text[index])
        index += 1
      }
    }
    guard let text = String(validating: output, as: UTF8.self) else { throw .badRequest("the URL is no UTF-8") }
    return text
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  /// The first value of a parameter.
  package subscript(name: String) -> String? { query.first { $0.name == name }?.value }

  /// All values of a parameter.
  package func values(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

  /// `0` and `false` in any case are false, anything else, also nothing, is true (as Kubernetes reads query booleans).
  package func flag(_ name: String) -> Bool {
    guard let value = self[name] else { return false }
    return value != "0" && value.lowercased() != "false"
  }

  /// A number; nil where it is absent or empty.
  package func number(_ name: String) throws(StatusError) -> Int? {
    guard let text = self[name], !text.isEmpty else { return nil }
    guard let number = Int(text) else {
      throw .badRequest("query parameter \(name): found \"\(text)\", expected a number")
    }
    return number
  }
}
