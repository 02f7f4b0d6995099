/// One thing that must be true of the lab's network, found out with packets.
struct Check: Sendable {
  /// What became of a check.
  enum Outcome: Hashable, Sendable {
    /// What was tried, in a few words.
    case passed(String)
    case failed(Failure)
    /// The manifests hold nothing to try it on.
    case notApplicable(String)
  }

  /// A check that did not find what it should.
  struct Failure: Error, Hashable, Sendable {
    let expected: String
    let seen: String
    /// Where to look first.
    let look: String
  }

  let name: String
  /// It is made once in each family of the lab, which `CheckContext.family` tells; otherwise once.
  let isPerFamily: Bool
  let run: @Sendable (CheckContext) throws -> Outcome

  init(_ name: String, once: Bool = false, _ run: @escaping @Sendable (CheckContext) throws -> Outcome) {
    self.name = name
    isPerFamily = !once
    self.run = run
  }
}

/// Throws a failure unless the condition holds.
func expect(_ condition: Bool, _ expected: @autoclosure () -> String, seen: @autoclosure () -> String, look: String)
  throws(Check.Failure)
{
  if !condition { throw Check.Failure(expected: expected(), seen: seen(), look: look) }
}
