extension JSON {
  /// The members of a JSON object, in order. A key that was given twice counts with its last value (as Go decodes it).
  package struct Object: Hashable, Sendable {
    package typealias Member = (key: String, value: JSON)
    package private(set) var members: [Member]

    package init() { members = [] }
    package init(_ members: [Member]) { self.members = members }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var keys: [String] { members.map(\.key) }

    package subscript(key: String) -> JSON? {
      get {
        // By index: a closure would be handed a copy of each member.
        var index = members.count
        while index > 0 {
          index -= 1
          if members[index].key == key { return members[index].value }
        }
        return nil
      }
      set {
        if let newValue {
          if let index = members.lastIndex(where: { $0.key == key }) {
            members[index].value = newValue
          } else {
            members.append((key, newValue))
          }
        } else {
          members.removeAll { $0.key == key }
        }
      }
    }

    /// Removes a member if there is one.
    package mutating func remove(_ key: String) { members.removeAll { $0.key == key } }

    /// Adds a member without looking for an earlier one of that key; for parsers, which must stay linear.
    mutating func append(_ key: String, _ value: JSON) { members.append((key, value)) }

    private var sorted: [Member] { members.sorted { $0.key < $1.key } }

    /// Equal when they hold the same members, whatever their order.
    package static func == (left: Object, right: Object) -> Bool {
      guard left.count == right.count else { return false }
      if zip(left.members, right.members).allSatisfy({ $0.key == $1.key && $0.value == $1.value }) { return true }
      return zip(left.sorted, right.sorted).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }

    package func hash(into hasher: inout Hasher) {
      for member in sorted {
        hasher.combine(member.key)
        hasher.combine(member.value)
      }
    }
  }
}
