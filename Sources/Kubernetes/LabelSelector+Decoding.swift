package import JSON

extension LabelSelector {
  /// A LabelSelector object that cannot be read: where in it, what was found and what was expected.
  package struct DecodingError: Error, Sendable {
    /// From the selector on: `.matchExpressions[0].key`.
    package let path: String
    package let found: JSON
    package let expected: String
  }

  /// A LabelSelector of meta/v1: `matchLabels` and `matchExpressions`, all of which must hold. An absent one has no
  /// requirements, hence selects everything. An expression that cannot be read throws, since leaving it out would select
  /// more.
  package init(decoding json: JSON) throws(DecodingError) {
    self.init()
    for member in json["matchLabels"].members {
      guard let value = member.value.string else {
        throw DecodingError(path: ".matchLabels[\(member.key)]", found: member.value, expected: "a string")
      }
      requirements.insert(.in(key: member.key, values: [value]))
    }
    for (index, expression) in json["matchExpressions"].elements.enumerated() {
      func error(_ field: String, _ expected: String) -> DecodingError {
        DecodingError(path: ".matchExpressions[\(index)].\(field)", found: expression[field], expected: expected)
      }
      guard let key = expression["key"].string, !key.isEmpty else { throw error("key", "a label's name") }
      let values = Set(expression["values"].elements.compactMap(\.string))
      switch (expression["operator"].string, values.isEmpty) {
      case ("In", false): requirements.insert(.in(key: key, values: values))
      case ("NotIn", false): requirements.insert(.notIn(key: key, values: values))
      case ("Exists", true): requirements.insert(.exists(key: key))
      case ("DoesNotExist", true): requirements.insert(.doesNotExist(key: key))
      case ("In", true), ("NotIn", true): throw error("values", "at least one value")
      case ("Exists", false), ("DoesNotExist", false): throw error("values", "no values with this operator")
      default: throw error("operator", "In, NotIn, Exists or DoesNotExist")
      }
    }
  }
}
