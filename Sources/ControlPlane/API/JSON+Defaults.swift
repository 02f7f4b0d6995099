internal import JSON

extension JSON {
  /// Gives a member its default where it has no value.
  mutating func setDefault(_ key: String, _ value: JSON) {
    if self[key].isNull { self[key] = value }
  }

  /// Changes a member in place; does nothing where there is none.
  mutating func update(_ key: String, _ body: (inout JSON) -> Void) {
    guard case .object(var object) = self, var value = object[key], !value.isNull else { return }
    self = .null
    body(&value)
    object[key] = value
    self = .object(object)
  }

  /// Changes each element of a list member in place.
  mutating func updateEach(_ key: String, _ body: (inout JSON) -> Void) {
    update(key) { list in
      guard case .array(var elements) = list else { return }
      list = .null
      for index in elements.indices { body(&elements[index]) }
      list = .array(elements)
    }
  }
}
