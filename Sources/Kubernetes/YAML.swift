internal import CYAML
package import JSON

/// One document of a YAML stream as JSON.
package struct YAMLDocument: Hashable, Sendable {
  package let value: JSON
  /// The line on which the document's value begins, counted from 1.
  package let line: Int
}

/// YAML read the way Kubernetes' own tools turn it into JSON: YAML 1.1 scalars (see `YAMLScalar`), keys as strings,
/// merge keys, anchors and aliases, several documents a stream. The last of two equal keys counts.
package enum YAML {
  /// How many values aliases may add at least, before they are taken for an attack; longer texts may use more.
  package static let aliasAllowance = 100_000

  /// All documents of a stream; empty ones are left out. A text that begins with `{` is read as JSON first.
  /// `file` names the source in errors.
  package static func parse(_ bytes: [UInt8], file: String) throws(YAMLError) -> [YAMLDocument] {
    let space: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
    if let first = bytes.firstIndex(where: { !space.contains($0) }), bytes[first] == UInt8(ascii: "{"),
      let value = try? JSON(parsing: bytes)
    {
      return [YAMLDocument(value: value, line: bytes[..<first].count { $0 == 0x0A } + 1)]
    }
    guard !bytes.isEmpty else { return [] }
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLError(file: file, line: 1, column: 1, reason: "out of memory")
    }
    defer { yaml_parser_delete(parser) }
    return try bytes.withUnsafeBufferPointer { buffer throws(YAMLError) in
      yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
      var builder = YAMLBuilder(
        parser: parser, file: file, aliasBudget: max(aliasAllowance, 10 * buffer.count))
      return try builder.stream()
    }
  }

  package static func parse(_ text: String, file: String) throws(YAMLError) -> [YAMLDocument] {
    try parse(Array(text.utf8), file: file)
  }
}
