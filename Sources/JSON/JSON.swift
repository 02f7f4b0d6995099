/// A JSON value (RFC 8259).
///
/// Objects keep the order of their members and integers that fit 64 bits stay exact, so that what was stored comes back
/// as it was written, unknown fields included.
package enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSON])
  case object(Object)
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByFloatLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .int(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(floatLiteral value: Double) { self = .double(value) }
  package init(nilLiteral: ()) { self = .null }
  package init(arrayLiteral elements: JSON...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Object(elements.map { ($0.0, $0.1) }))
  }
}

extension JSON {
  /// The string, or nil for any other kind of value.
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  /// The boolean, or nil for any other kind of value.
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The integer; a double without fraction counts as one.
  package var int: Int? {
    switch self {
    case .int(let value): Int(exactly: value)
    case .double(let value): Int(exactly: value)
    default: nil
    }
  }
  /// A finite number in the one form it has: 1.0 and 1e3 are the integers they stand for, so that a value is the same
  /// however it was written.
  package static func number(_ value: Double) -> JSON {
    Int64(exactly: value).map { .int($0) } ?? .double(value)
  }

  /// The elements, or nil for any other kind of value.
  package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  /// The members, or nil for any other kind of value.
  package var object: Object? { if case .object(let value) = self { value } else { nil } }
  package var isNull: Bool { if case .null = self { true } else { false } }

  /// The elements of an array; empty for any other kind of value.
  package var elements: [JSON] { array ?? [] }
  /// The members of an object in their order; empty for any other kind of value.
  package var members: [Object.Member] { object?.members ?? [] }
  /// String members of an object (labels, annotations, ConfigMap data); other values are left out.
  package var stringMap: [String: String] {
    var map: [String: String] = [:]
    for member in members { if let value = member.value.string { map[member.key] = value } }
    return map
  }

  /// An object of strings, sorted by key.
  package init(stringMap: [String: String]) {
    self = .object(Object(stringMap.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }

  /// A member of an object; `.null` where there is none. Setting `.null` removes the member; setting a member of a value
  /// that is no object makes it one.
  package subscript(key: String) -> JSON {
    get { if case .object(let object) = self { object[key] ?? .null } else { .null } }
    set { set([key][...], to: newValue) }
  }

  /// A member along a path of keys: `pod["metadata", "labels"]`.
  package subscript(first: String, second: String, rest: String...) -> JSON {
    get { rest.reduce(self[first][second]) { $0[$1] } }
    set { set(([first, second] + rest)[...], to: newValue) }
  }

  /// An element of an array; `.null` where there is none.
  package subscript(index: Int) -> JSON {
    get {
      guard case .array(let values) = self, values.indices.contains(index) else { return .null }
      return values[index]
    }
    set {
      guard case .array(var values) = self, values.indices.contains(index) else { return }
      self = .null  // release our reference, so that the array is changed in place
      values[index] = newValue
      self = .array(values)
    }
  }

  private mutating func set(_ path: ArraySlice<String>, to value: JSON) {
    guard let key = path.first else {
      self = value
      return
    }
    var members: Object
    if case .object(let existing) = self { members = existing } else { members = Object() }
    self = .null
    if path.count == 1 {
      // Spelled out: in `value.isNull ? nil : value` the nil would be JSON's own null.
      if value.isNull { members.remove(key) } else { members[key] = value }
    } else {
      var child = members[key] ?? .null
      child.set(path.dropFirst(), to: value)
      members[key] = child
    }
    self = .object(members)
  }
}
