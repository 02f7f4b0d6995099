package import Addressing

/// One address range of a cluster: what it is for, and who asked for it.
package struct PlannedRange: Hashable, Sendable {
  /// What the addresses are for.
  package enum Role: String, Hashable, Sendable, CaseIterable {
    case node, pod, service
    /// A range that is taken already: the lab's outside world, a route of the machine, a VPN.
    case reserved
  }

  package let role: Role
  package let prefix: Prefix
  /// Where the range came from, in words that fit after "from": `--pod-range`, `the default`.
  package let source: String

  package init(_ role: Role, _ prefix: Prefix, from source: String) {
    self.role = role
    self.prefix = prefix
    self.source = source
  }

  /// Reads a range, naming the source in the error if the text is none.
  package init(_ role: Role, parsing text: String, from source: String) throws(RangePlanError) {
    do {
      self.init(role, try Prefix(parsing: text), from: source)
    } catch {
      throw RangePlanError(problems: ["\(role.rawValue) range from \(source): \(error)"])
    }
  }

  /// `pod range 10.244.0.0/16 (from the default)`.
  package var description: String { "\(role.rawValue) range \(prefix) (from \(source))" }
}

/// Ranges that cannot make a cluster: every problem that was found, each one sentence with the remedy.
package struct RangePlanError: Error, Hashable, CustomStringConvertible {
  package let problems: [String]

  package init(problems: [String]) { self.problems = problems }

  package var description: String { problems.joined(separator: "\n") }
}
