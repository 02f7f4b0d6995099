package import JSON

/// One thing a check has to say about a plan.
package struct PlanFinding: Hashable, Sendable {
  package enum Severity: String, Hashable, Sendable, Comparable, CaseIterable {
    /// The cluster cannot work, or the installer refuses it.
    case error
    /// It works until something usual happens.
    case warning
    /// Worth knowing before the ranges are cast in stone.
    case note

    package static func < (left: Self, right: Self) -> Bool {
      allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
    }
  }

  /// The checks by name, as `-o json` tells them.
  package enum Rule: String, Hashable, Sendable, CaseIterable {
    case alignment, family, overlap, space, metadata, crowded, mask, capacity, surge, reuse, scale
    case serviceSize = "service-size"
    case staticBand = "static-band"
    case nodeSize = "node-size"
    case platform, growth
    case noRoom = "no-room"
  }

  package let severity: Severity
  package let rule: Rule
  /// Where: the range or demand, fit to begin a sentence: `pod range 10.244.0.0/16 (from --pod-range)`.
  package let subject: String
  /// What was found there, as the sentence goes on: `contains service range …`.
  package let found: String
  /// What that leads to.
  package let meaning: String
  package let expected: String
  /// What to do, as an instruction.
  package let remedy: String
  /// The specification, or the program that sets the limit.
  package let source: String

  package init(
    _ severity: Severity, _ rule: Rule, _ subject: String, found: String, meaning: String, expected: String,
    remedy: String, source: String
  ) {
    self.severity = severity
    self.rule = rule
    self.subject = subject
    self.found = found
    self.meaning = meaning
    self.expected = expected
    self.remedy = remedy
    self.source = source
  }

  /// The finding as one sentence: where, found, consequence, remedy.
  package var sentence: String { "\(subject) \(found): \(meaning); \(remedy)" }

  package var json: JSON {
    [
      "severity": .string(severity.rawValue), "rule": .string(rule.rawValue), "where": .string(subject),
      "found": .string(found), "meaning": .string(meaning), "expected": .string(expected), "remedy": .string(remedy),
      "source": .string(source),
    ]
  }
}
