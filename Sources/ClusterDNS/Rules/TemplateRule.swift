/// Answers made of the question by rule.
package struct TemplateRule: Sendable {
  package var zones: [DomainName] = [.root]
  /// nil: every type.
  package var type: RecordType?
  /// One of them must match; none is needed where there is none.
  package var patterns: [Pattern] = []
  package var answers: [RecordTemplate] = []
  package var additionals: [RecordTemplate] = []
  package var authorities: [RecordTemplate] = []
  package var code = ResponseCode.noError
  /// Names within these that no pattern matches go on to what comes next; nil: they do not exist.
  package var fallthroughZones: [DomainName]?

  package init() {}

  /// Writes the answer; nil where the rule is not for the question.
  func answer(_ name: NameView, _ type: RecordType, into writer: inout ResponseWriter) -> ResponseCode? {
    guard self.type == nil || self.type == type, let zone = zones.first(where: { name.isWithin($0) }),
      let text = name.text
    else { return nil }
    var match = Pattern.Match(range: 0..<0, groups: [text], names: [:])
    if !patterns.isEmpty {
      guard let found = patterns.lazy.compactMap({ $0.match(text) }).first else {
        guard let fallthroughZones else { return .nameError }
        return fallthroughZones.contains { name.isWithin($0) } ? nil : .nameError
      }
      match = found
    }
    let values = RecordTemplate.Values(
      name: text, zone: zone.labels.isEmpty ? "." : "\(zone).", type: type, match: match)
    let sections: [([RecordTemplate], ResponseWriter.Section)] = [
      (answers, .answer), (authorities, .authority), (additionals, .additional),
    ]
    for (templates, section) in sections where !templates.isEmpty {
      writer.begin(section: section)
      for template in templates {
        guard let record = try? template.record(values) else {
          writer.clearRecords()
          return .serverFailure
        }
        record.owner.wire.withUnsafeBufferPointer { owner in
          _ = writer.record(owner: owner, record.type, ttl: record.ttl) { writer in
            record.data.withUnsafeBufferPointer { writer.append($0) }
          }
        }
      }
    }
    return code
  }
}

/// A record in presentation form (RFC 1035 section 5.1) with places for what the question brings.
package struct RecordTemplate: Sendable {
  enum Part: Sendable {
    case text(String)
    case name, zone, type
    case group(String)
    case number(Int)
  }

  struct Values {
    var name: String
    var zone: String
    var type: RecordType
    var match: Pattern.Match
  }

  private let parts: [Part]

  /// Throws with the place that is not known.
  package init(_ text: String) throws(RecordTextError) {
    var parts: [Part] = []
    var rest = text[...]
    while let start = rest.firstRange(of: "{{") {
      parts.append(.text(String(rest[..<start.lowerBound])))
      rest = rest[start.upperBound...]
      guard let end = rest.firstRange(of: "}}") else { throw RecordTextError("\"{{\" without \"}}\" in \"\(text)\"") }
      parts.append(try Self.part(rest[..<end.lowerBound].split(separator: " ").map(String.init)))
      rest = rest[end.upperBound...]
    }
    self.parts = parts + [.text(String(rest))]
  }

  private static func part(_ words: [String]) throws(RecordTextError) -> Part {
    switch words {
    case [".Name"], [".Question.Name"]: return .name
    case [".Zone"]: return .zone
    case [".Type"]: return .type
    case [".Class"]: return .text("IN")
    default:
      if words.count == 1, words[0].hasPrefix(".Group.") { return .group(String(words[0].dropFirst(7))) }
      if words.count == 3, words[0] == "index", words[1] == ".Match", let number = Int(words[2]) {
        return .number(number)
      }
      throw RecordTextError(
        "{{ \(words.joined(separator: " ")) }} is not known here; known are .Name, .Zone, .Type, .Class, .Group.NAME and "
          + "index .Match NUMBER")
    }
  }

  func record(_ values: Values) throws(RecordTextError) -> RecordText {
    var text = ""
    for part in parts {
      switch part {
      case .text(let part): text += part
      case .name: text += values.name
      case .zone: text += values.zone
      case .type: text += values.type.name
      case .group(let name): text += values.match.names[name] ?? ""
      case .number(let number): text += number < values.match.groups.count ? values.match.groups[number] : ""
      }
    }
    return try RecordText(parsing: text)
  }
}
