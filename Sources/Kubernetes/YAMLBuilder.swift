internal import CYAML
internal import JSON

/// Builds JSON from libyaml's events. Neither libyaml nor this recurses; the depth limit protects
/// whoever walks the value.
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
        let node = try value()
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

  /// A sequence or mapping whose end has not come yet.
  private struct Open {
    var isMapping: Bool
    var anchor: String?
    /// Where it begins.
    var mark: yaml_mark_t
    var size = 1
    /// Levels below it; a mapping counts its keys, a sequence without elements has none.
    var height: Int
    var elements: [JSON] = []
    var members: [JSON.Object.Member] = []
    var positions: [String: Int] = [:]
    /// What merge keys bring, for keys that the mapping lacks itself.
    var merged: [JSON.Object.Member] = []
    /// A mapping's key whose value comes next, and whether it is the merge key.
    var key: (text: String, isMerge: Bool)?
  }

  /// The value whose first event is the current one. Nothing here calls itself, whatever is nested in whatever: the depth
  /// is that of `open`, and costs no stack.
  private mutating func value() throws(YAMLError) -> Node {
    var open: [Open] = []
    while true {
      var mark = event.start_mark
      var isMergeKey = false
      var done: Node?
      switch event.type {
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
        guard let last = open.popLast() else { throw error("expected a value", at: mark) }
        mark = last.mark
        done = keep(Self.close(last), anchor: last.anchor)
      default:
        guard open.count < JSON.maximumDepth else {
          throw error("nested deeper than \(JSON.maximumDepth) levels", at: mark)
        }
        switch event.type {
        case YAML_ALIAS_EVENT: done = try alias(depth: open.count)
        case YAML_SCALAR_EVENT:
          isMergeKey =
            event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && text(event.data.scalar.value) == "<<"
          done = try scalar()
        case YAML_SEQUENCE_START_EVENT:
          open.append(Open(isMapping: false, anchor: text(event.data.sequence_start.anchor), mark: mark, height: 0))
        case YAML_MAPPING_START_EVENT:
          open.append(Open(isMapping: true, anchor: text(event.data.mapping_start.anchor), mark: mark, height: 1))
        default: throw error("expected a value", at: mark)
        }
      }
      if let done {
        guard let last = open.indices.last else { return done }
        try add(done, to: &open[last], isMergeKey: isMergeKey, at: mark)
      }
      try advance()
    }
  }

  private mutating func alias(depth: Int) throws(YAMLError) -> Node {
    let mark = event.start_mark
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
  }

  private mutating func scalar() throws(YAMLError) -> Node {
    let scalar = event.data.scalar
    let content = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    let tag = text(scalar.tag)
    let isPlain = scalar.plain_implicit == 1 && scalar.style == YAML_PLAIN_SCALAR_STYLE
    guard let value = YAMLScalar.resolve(content, tag: tag, isPlain: isPlain) else {
      throw error("\"\(content)\" is no \(tag ?? "number that JSON can hold")", at: event.start_mark)
    }
    return keep(Node(value: value, size: 1, height: 1), anchor: text(scalar.anchor))
  }

  private mutating func keep(_ node: Node, anchor: String?) -> Node {
    if let anchor { anchors[anchor] = node }
    return node
  }

  /// Adds an element, a key, or the value of the last key. `mark`: where it begins.
  private func add(_ node: Node, to open: inout Open, isMergeKey: Bool, at mark: yaml_mark_t) throws(YAMLError) {
    guard open.isMapping else {
      open.elements.append(node.value)
      open.size += node.size
      open.height = max(open.height, node.height)
      return
    }
    guard let key = open.key else {
      guard let text = Self.keyText(node.value) else {
        throw error("a mapping key must be a scalar, as JSON knows only strings there", at: mark)
      }
      open.key = (text, isMergeKey)
      return
    }
    open.key = nil
    open.size += node.size + 1
    open.height = max(open.height, node.height)
    if key.isMerge {
      // Earlier sources win over later ones, own members over all (YAML merge key type).
      for source in node.value.array ?? [node.value] {
        guard let object = source.object else {
          throw error("a merge key takes a mapping or a list of mappings", at: mark)
        }
        open.merged += object.members
      }
    } else if let position = open.positions[key.text] {
      open.members[position].value = node.value
    } else {
      open.positions[key.text] = open.members.count
      open.members.append((key.text, node.value))
    }
  }

  private static func close(_ open: Open) -> Node {
    guard open.isMapping else {
      return Node(value: .array(open.elements), size: open.size, height: open.height + 1)
    }
    var open = open
    for member in open.merged where open.positions[member.key] == nil {
      open.positions[member.key] = open.members.count
      open.members.append(member)
    }
    return Node(value: .object(JSON.Object(open.members)), size: open.size, height: open.height + 1)
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
