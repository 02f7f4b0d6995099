/// Input of `swiftlet plan` that cannot be used: where, what was found, what was expected.
package struct PlanInputError: Error, Hashable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
