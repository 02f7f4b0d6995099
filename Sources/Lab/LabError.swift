/// Why the lab cannot do what was asked: one sentence, and what to do about it.
package struct LabError: Error, Hashable, CustomStringConvertible {
  package let reason: String
  /// What to do, as an instruction.
  package let remedy: String

  package init(_ reason: String, remedy: String) {
    self.reason = reason
    self.remedy = remedy
  }

  package var description: String { "\(reason): \(remedy)" }
}
