internal import JSON

extension LabelSelector {
  /// A LabelSelector of meta/v1: `matchLabels` and `matchExpressions`, all of which must hold. Absent selects everything.
  /// An expression that cannot be read throws, since leaving it out would select more.
  init(decoding json: JSON, _ path: @autoclosure () -> String, of reader: ObjectReader) throws(ModelError) {
    self.init()
    for member in json["matchLabels"].members {
      guard let value = member.value.string else {
        throw reader.error(path() + ".matchLabels[\(member.key)]", member.value, expected: "a string")
      }
      requirements.insert(.in(key: member.key, values: [value]))
    }
    for (index, expression) in json["matchExpressions"].elements.enumerated() {
      guard let key = expression["key"].string, !key.isEmpty else {
        throw reader.error(path() + ".matchExpressions[\(index)].key", expression["key"], expected: "a label's name")
      }
      let values = Set(expression["values"].elements.compactMap(\.string))
      switch (expression["operator"].string, values.isEmpty) {
      case ("In", false): requirements.insert(.in(key: key, values: values))
      case ("NotIn", false): requirements.insert(.notIn(key: key, values: values))
      case ("Exists", true): requirements.insert(.exists(key: key))
      case ("DoesNotExist", true): requirements.insert(.doesNotExist(key: key))
      case ("In", true), ("NotIn", true):
        throw reader.error(
          path() + ".matchExpressions[\(index)].values", expression["values"], expected: "at least one value")
      case ("Exists", false), ("DoesNotExist", false):
        throw reader.error(
          path() + ".matchExpressions[\(index)].values", expression["values"], expected: "no values with this operator")
      default:
        throw reader.error(
          path() + ".matchExpressions[\(index)].operator", expression["operator"],
          expected: "In, NotIn, Exists or DoesNotExist")
      }
    }
  }
}
