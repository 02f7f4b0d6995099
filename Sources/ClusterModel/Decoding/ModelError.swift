/// A field of an API object that does not hold what the API says it holds.
package struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Kind and name: `Pod shop/web-1`.
  package let object: String
  /// The field's path as the API server writes it: `spec.ports[0].port`.
  package let field: String
  /// What stands there, shortened.
  package let found: String
  package let expected: String

  package init(object: String, field: String, found: String, expected: String) {
    self.object = object
    self.field = field
    self.found = found
    self.expected = expected
  }

  package var description: String { "\(object): \(field): found \(found), expected \(expected)" }
}
