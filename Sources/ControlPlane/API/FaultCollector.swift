internal import JSON

/// Gathers the faults of an object while it is read.
struct FaultCollector {
  private(set) var faults: [FieldFault] = []

  mutating func add(_ fault: FieldFault) { faults.append(fault) }

  /// A string that must be there and follow a rule.
  mutating func name(_ value: JSON, _ field: String, _ rule: (String) -> String?) {
    guard let text = value.string, !text.isEmpty else { return add(.required(field)) }
    if let reason = rule(text) { add(.invalid(field, value, reason)) }
  }

  /// A string that follows a rule if it is there.
  mutating func optionalName(_ value: JSON, _ field: String, _ rule: (String) -> String?) {
    if let text = value.string, !text.isEmpty, let reason = rule(text) { add(.invalid(field, value, reason)) }
  }

  mutating func oneOf(_ value: JSON, _ field: String, _ supported: [String]) {
    if value.isNull { return add(.required(field)) }
    if !supported.contains(value.string ?? "") { add(.notSupported(field, value, supported)) }
  }

  mutating func port(_ value: JSON, _ field: String) {
    guard let number = value.int, (1...65535).contains(number) else {
      return add(.invalid(field, value.isNull ? 0 : value, "must be between 1 and 65535, inclusive"))
    }
  }

  /// A port by number or by name.
  mutating func portOrName(_ value: JSON, _ field: String) {
    if let text = value.string {
      if text.isEmpty { return add(.required(field)) }
      if let reason = NameRules.portName(text) { add(.invalid(field, value, reason)) }
    } else {
      port(value, field)
    }
  }

  mutating func notNegative(_ value: JSON, _ field: String) {
    if let number = value.int, number < 0 { add(.invalid(field, value, "must be greater than or equal to 0")) }
  }

  mutating func labels(_ labels: JSON, _ field: String) {
    for (key, value) in labels.members {
      if let reason = NameRules.qualifiedName(key) { add(.invalid(field, .string(key), reason)) }
      if let reason = NameRules.labelValue(value.string ?? "") { add(.invalid(field, value, reason)) }
    }
  }

  /// A `LabelSelector` object.
  mutating func labelSelector(_ selector: JSON, _ field: String) {
    labels(selector["matchLabels"], "\(field).matchLabels")
    for (index, expression) in selector["matchExpressions"].elements.enumerated() {
      let path = "\(field).matchExpressions[\(index)]"
      switch expression["operator"].string {
      case "In", "NotIn":
        if expression["values"].elements.isEmpty {
          add(.required("\(path).values", "must be specified when `operator` is 'In' or 'NotIn'"))
        }
      case "Exists", "DoesNotExist":
        if !expression["values"].elements.isEmpty {
          add(.forbidden("\(path).values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
        }
      default: add(.invalid("\(path).operator", expression["operator"], "not a valid selector operator"))
      }
      name(expression["key"], "\(path).key", NameRules.qualifiedName)
    }
  }
}
