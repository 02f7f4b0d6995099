/// A rule: statements, and a comment that `nft list ruleset` shows (at most 127 bytes, longer ones are cut).
package struct NFRule: Hashable, Sendable {
  package var statements: [NFStatement]
  package var comment: String?

  package init(_ statements: [NFStatement], comment: String? = nil) {
    self.statements = statements
    self.comment = comment
  }

  /// The expressions of the rule in a table of a family, without its anonymous sets.
  package func expressions(in family: NFFamily) -> [NFExpression] {
    var lowering = NFLowering(family: family)
    for statement in statements { lowering.lower(statement) }
    return lowering.expressions
  }
}
