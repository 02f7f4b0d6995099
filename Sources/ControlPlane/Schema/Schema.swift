/// The shapes of the built-in API objects: what protobuf bodies mean, which fields are known, which lists are maps.
package final class Schema: Sendable {
  /// What a field holds.
  package indirect enum FieldType: Sendable, Hashable {
    case string, int, bool, bytes, double
    case time, microTime, quantity, intOrString, duration, raw, fieldsV1
    case message(String)
    case list(FieldType)
    case map(FieldType)
    /// A message whose fields JSON holds in place of it.
    case inline(String)
  }

  package struct Field: Sendable {
    package let number: Int
    package let name: String
    package let type: FieldType
  }

  package struct Message: Sendable {
    package let name: String
    /// By protobuf number.
    let byNumber: [Int: Field]
    /// By JSON name, those of inline messages included.
    package fileprivate(set) var byName: [String: Field]
  }

  private let messages: [String: Message]

  package init() {
    var messages: [String: Message] = [:]
    for text in SchemaText.all {
      var line = ""
      for part in text.split(separator: "\n") {
        if part.hasPrefix(" ") {
          line += part
        } else {
          Self.add(line, to: &messages)
          line = String(part)
        }
      }
      Self.add(line, to: &messages)
    }
    // Inline messages hold no inline ones of their own but VolumeSource and Handler, which hold none.
    for name in Array(messages.keys) {
      for field in messages[name]!.byNumber.values {
        guard case .inline(let inner) = field.type, let message = messages[inner] else { continue }
        messages[name]!.byName[field.name] = nil
        for innerField in message.byNumber.values { messages[name]!.byName[innerField.name] = innerField }
      }
    }
    for (message, name) in Self.onlyInJSON {
      messages[message]?.byName[name] = Field(number: 0, name: name, type: .string)
    }
    self.messages = messages
  }

  /// Fields that every JSON object has and protobuf carries outside the object.
  private static let onlyInJSON: [(String, String)] = [
    ("Status", "kind"), ("Status", "apiVersion"), ("DeleteOptions", "kind"), ("DeleteOptions", "apiVersion"),
  ]

  private static func add(_ line: String, to messages: inout [String: Message]) {
    let words = line.split(separator: " ")
    guard let name = words.first.map(String.init) else { return }
    let fields = words.dropFirst().map { word in
      let colon = word.firstIndex(of: ":")!
      let equals = word.firstIndex(of: "=")!
      return Field(
        number: Int(word[..<colon])!, name: String(word[word.index(after: colon)..<equals]),
        type: type(word[word.index(after: equals)...]))
    }
    messages[name] = Message(
      name: name, byNumber: Dictionary(uniqueKeysWithValues: fields.map { ($0.number, $0) }),
      byName: Dictionary(uniqueKeysWithValues: fields.map { ($0.name, $0) }))
  }

  private static func type(_ text: Substring) -> FieldType {
    switch text.first {
    case "[": return .list(type(text.dropFirst()))
    case "{": return .map(type(text.dropFirst()))
    case "^": return .inline(String(text.dropFirst()))
    default: break
    }
    switch text {
    case "string": return .string
    case "int": return .int
    case "bool": return .bool
    case "bytes": return .bytes
    case "double": return .double
    case "Time": return .time
    case "MicroTime": return .microTime
    case "Quantity": return .quantity
    case "IntOrString": return .intOrString
    case "Duration": return .duration
    case "Raw": return .raw
    case "FieldsV1": return .fieldsV1
    default: return .message(String(text))
    }
  }

  package func message(_ name: String) -> Message? { messages[name] }

  /// The field of a message by its JSON name.
  func field(_ message: String, _ name: String) -> Field? { messages[message]?.byName[name] }
}
