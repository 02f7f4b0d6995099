internal import CYAML
internal import JSON

/// Builds JSON from libyaml's events. libyaml itself does not recurse; the depth limit protects our own stack.
struct YAMLBuilder {
  /// A value, how many values it consists of, itself included, and how many levels of them there are.
  private struct Node {
    var value: JSON
    var size: Int
    var height: Int
  }

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let file: String
  private var anchors: [String: Node] = [:]
  /// How many values aliases may still add.
  private var aliasBudget: Int
  private var event = yaml_event_t()

  init(parser: UnsafeMutablePointer<yaml_parser_t>, file: String, aliasBudget: Int) {
    self.parser = parser
    self.file = file
    self.aliasBudget = aliasBudget
  }

  mutating func stream() throws(YAMLError) -> [YAMLDocument] {
    defer { yaml_event_delete(&event) }
    var documents: [YAMLDocument] = []
    while true {
      try advance()
      switch event.type {
      case YAML_STREAM_END_EVENT: return documents
      case YAML_DOCUMENT_START_EVENT:
        anchors = [:]
        try advance()
        let line = Int(event.start_mark.line) + 1
        let node = try node(depth: 0)
        if !node.value.isNull { documents.append(YAMLDocument(value: node.value, line: line)) }
      default: continue
      }
    }
  }

  private func error(_ reason: String, at mark: yaml_mark_t) -> YAMLError {
    YAMLError(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1, reason: reason)
  }

  private mutating func advance() throws(YAMLError) {
    yaml_event_delete(&event)
    event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else {
      let state = parser.pointee
      var reason = state.problem.map { String(cString: $0) } ?? "not readable as YAML"
      if let context = state.context { reason = "\(String(cString: context)): \(reason)" }
      if state.error == YAML_READER_ERROR {
        // The reader knows only the byte offset, which it counts from 0.
        throw YAMLError(file: file, line: 1, column: state.problem_offset + 1, reason: "\(reason) (byte offset)")
      }
      throw error(reason, at: state.problem_mark)
    }
  }

  private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
  }

  /// The value whose first event is the current one.
  private mutating func node(depth: Int) throws(YAMLError) -> Node {
    guard depth < JSON.maximumDepth else {
      throw error("nested deeper than \(JSON.maximumDepth) levels", at: event.start_mark)
    }
    let mark = event.start_mark
    switch event.type {
    case YAML_ALIAS_EVENT:
      let name = text(event.data.alias.anchor) ?? ""
      guard let node = anchors[name] else { throw error("alias *\(name) refers to no anchor", at: mark) }
      // Anchors inside anchors could otherwise nest deeper than any text may.
      guard depth + node.height <= JSON.maximumDepth else {
        throw error("nested deeper than \(JSON.maximumDepth) levels", at: mark)
      }
      aliasBudget -= node.size
      guard aliasBudget >= 0 else {
        throw error("aliases expand to too many values; write the values out where they are needed", at: mark)
      }
      return node
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let content = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let tag = text(scalar.tag)
      let isPlain = scalar.plain_implicit == 1 && scalar.style == YAML_PLAIN_SCALAR_STYLE
      guard let value = YAMLScalar.resolve(content, tag: tag, isPlain: isPlain) else {
        throw error("\"\(content)\" is no \(tag ?? "number that JSON can hold")", at: mark)
      }
      return keep(Node(value: value, size: 1, height: 1), anchor: text(scalar.anchor))
    case YAML_SEQUENCE_START_EVENT:
      let anchor = text(event.data.sequence_start.anchor)
      var elements: [JSON] = []
      var size = 1
      var height = 0
      while true {
        try advance()
        if event.type == YAML_SEQUENCE_END_EVENT { break }
        let element = try node(depth: depth + 1)
        elements.append(element.value)
        size += element.size
        height = max(height, element.height)
      }
      return keep(Node(value: .array(elements), size: size, height: height + 1), anchor: anchor)
    case YAML_MAPPING_START_EVENT:
      let anchor = text(event.data.mapping_start.anchor)
      return keep(try mapping(depth: depth), anchor: anchor)
    default: throw error("expected a value", at: mark)
    }
  }

  private mutating func keep(_ node: Node, anchor: String?) -> Node {
    if let anchor { anchors[anchor] = node }
    return node
  }

  private mutating func mapping(depth: Int) throws(YAMLError) -> Node {
    var members: [JSON.Object.Member] = []
    var positions: [String: Int] = [:]
    var merged: [JSON.Object.Member] = []
    var size = 1
    var height = 1
    while true {
      try advance()
      if event.type == YAML_MAPPING_END_EVENT { break }
      let mark = event.start_mark
      let isMerge =
        event.type == YAML_SCALAR_EVENT && event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE
        && text(event.data.scalar.value) == "<<"
      let keyNode = try node(depth: depth + 1)
      guard let key = Self.keyText(keyNode.value) else {
        throw error("a mapping key must be a scalar, as JSON knows only strings there", at: mark)
      }
      try advance()
      let valueMark = event.start_mark
      let value = try node(depth: depth + 1)
      size += value.size + 1
      height = max(height, value.height)
      if isMerge {
        // Earlier sources win over later ones, own members over all (YAML merge key type).
        let sources = value.value.array ?? [value.value]
        for source in sources {
          guard let object = source.object else {
            throw error("a merge key takes a mapping or a list of mappings", at: valueMark)
          }
          merged += object.members
        }
      } else if let position = positions[key] {
        members[position].value = value.value
      } else {
        positions[key] = members.count
        members.append((key, value.value))
      }
    }
    for member in merged where positions[member.key] == nil {
      positions[member.key] = members.count
      members.append(member)
    }
    return Node(value: .object(JSON.Object(members)), size: size, height: height + 1)
  }

  private static func keyText(_ value: JSON) -> String? {
    switch value {
    case .string(let text): text
    case .int, .double, .bool: value.description
    case .null: "null"
    case .array, .object: nil
    }
  }
}
