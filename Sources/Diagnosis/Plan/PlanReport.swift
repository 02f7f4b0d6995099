internal import Addressing
package import JSON

/// What `swiftlet plan` has to say: the ranges, where they come from, a picture, the findings.
package struct PlanReport: Sendable {
  /// The request with what was missing filled in.
  package let request: PlanRequest
  package let choices: [RangeProposal.Choice]
  /// Errors first.
  package let findings: [PlanFinding]

  package init(_ request: PlanRequest) {
    let proposal = RangeProposal(request)
    self.request = proposal.request
    choices = proposal.choices
    // A family that a role lacks for want of room was told already.
    let review = PlanReview(proposal.request).findings.filter { proposal.failures.isEmpty || $0.rule != .family }
    findings = proposal.failures + review
  }

  package var isSound: Bool { !findings.contains { $0.severity == .error } }

  private func count(_ severity: PlanFinding.Severity) -> Int { findings.count { $0.severity == severity } }

  /// `sound for kubeadm: 0 errors, 1 warning, 4 notes`.
  package var verdict: String {
    func counted(_ severity: PlanFinding.Severity) -> String {
      let count = count(severity)
      return "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
    }
    return (isSound ? "sound" : "unsound") + " for \(request.targets.map(\.name).joined(separator: ", ")): "
      + PlanFinding.Severity.allCases.map(counted).joined(separator: ", ")
  }

  /// The report for people, at most `width` columns where words allow it.
  package func text(width: Int, hasColour: Bool) -> String {
    var lines: [String] = []
    for role in [PlannedRange.Role.node, .pod, .service] {
      for range in request[role] { lines += describe(range, width) }
    }
    lines.append("")
    lines += TextPicture(width: width, hasColour: hasColour).lines(request)
    for finding in findings where finding.severity < .note {
      lines += [""] + describe(finding, width, hasColour)
    }
    let notes = findings.filter { $0.severity == .note }
    if !notes.isEmpty { lines += ["", "notes"] }
    for note in notes { lines += Self.wrapped("\(note.sentence) (\(note.source))", indent: 2, first: "- ", width) }
    lines += ["", verdict]
    return lines.map { $0 + "\n" }.joined()
  }

  private func describe(_ range: PlannedRange, _ width: Int) -> [String] {
    var words = "\(range.prefix)"
    if range.role == .pod, request.hasNodeParts { words += ", a /\(request.nodeMask(range.family)) a node" }
    let head = Self.padded(range.kind, 15) + words
    guard let choice = choices.first(where: { $0.range == range }) else { return [head + " (from \(range.source))"] }
    return [head + ", proposed:"] + choice.reasons.flatMap { Self.wrapped($0, indent: 17, first: "- ", width) }
  }

  private func describe(_ finding: PlanFinding, _ width: Int, _ hasColour: Bool) -> [String] {
    let heading = "\(finding.severity.rawValue) [\(finding.rule.rawValue)]"
    let code =
      switch finding.severity {
      case .error: "31;1"
      case .warning, .note: "33"
      }
    let lines = Self.wrapped("\(finding.subject) \(finding.found)", indent: 2, first: "", width)
    return [hasColour ? "\u{1B}[\(code)m\(heading)\u{1B}[0m" : heading] + lines
      + Self.wrapped(finding.meaning, indent: 12, first: "meaning   ", width)
      + Self.wrapped(finding.expected, indent: 12, first: "expected  ", width)
      + Self.wrapped(finding.remedy, indent: 12, first: "do        ", width)
      + Self.wrapped(finding.source, indent: 12, first: "source    ", width)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// Lines of at most `width` columns, `first` in the margin of the first one.
  private static func wrapped(_ text: String, indent: Int, first: String, _ width: Int) -> [String] {
    var lines: [String] = []
    var line = String(repeating: " ", count: max(0, indent - first.count)) + first
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = String(repeating: " ", count: indent)
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines + [line]
  }

  /// The report for programs.
  package var json: JSON {
    func ranges(_ role: PlannedRange.Role) -> JSON {
      .array(request[role].map { describe($0) })
    }
    var demand: JSON = [:]
    demand["nodes"] = Self.number(request.demand.nodes)
    demand["maximumNodes"] = Self.number(request.demand.maximumNodes)
    demand["podsPerNode"] = Self.number(request.demand.podsPerNode)
    demand["services"] = Self.number(request.demand.services)
    demand["surge"] = Self.number(request.demand.surge)
    return [
      "sound": .bool(isSound), "for": .array(request.targets.map { .string($0.rawValue) }),
      "families": .array(request.families.map { .string($0.name) }), "nodeRanges": ranges(.node),
      "podRanges": ranges(.pod), "serviceRanges": ranges(.service), "taken": ranges(.reserved), "demand": demand,
      "findings": .array(findings.map(\.json)),
    ]
  }

  private func describe(_ range: PlannedRange) -> JSON {
    var json: JSON = ["range": .string("\(range.prefix)"), "from": .string(range.source)]
    if range.role == .reserved { json["kind"] = .string(range.network.rawValue) }
    if range.role == .pod, request.hasNodeParts { json["nodeMask"] = Self.number(request.nodeMask(range.family)) }
    if let choice = choices.first(where: { $0.range == range }) {
      json["reasons"] = .array(choice.reasons.map { .string($0) })
    }
    return json
  }

  private static func number(_ value: Int?) -> JSON { value.map { .int(Int64($0)) } ?? .null }
}
