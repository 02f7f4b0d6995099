/// Objects by something they have in common. Keys without objects are dropped.
struct NameIndex<Key: Hashable> {
  /// Nearly every address and service has one object: a set for each would cost more than the objects.
  private enum Entry {
    case one(NamespacedName)
    case many(Set<NamespacedName>)
  }

  private var entries: [Key: Entry] = [:]

  subscript(key: Key) -> [NamespacedName] {
    switch entries[key] {
    case nil: []
    case .one(let name): [name]
    case .many(let names): Array(names)
    }
  }

  mutating func insert(_ name: NamespacedName, under key: Key) {
    guard let index = entries.index(forKey: key) else {
      entries[key] = .one(name)
      return
    }
    switch entries.values[index] {
    case .one(let other):
      if other != name { entries.values[index] = .many([other, name]) }
    case .many(var names):
      entries.values[index] = .one(name)  // release the set, so that it is changed in place
      names.insert(name)
      entries.values[index] = .many(names)
    }
  }

  mutating func remove(_ name: NamespacedName, under key: Key) {
    guard let index = entries.index(forKey: key) else { return }
    switch entries.values[index] {
    case .one(let other):
      if other == name { entries.remove(at: index) }
    case .many(var names):
      entries.values[index] = .one(name)
      names.remove(name)
      if names.isEmpty { entries.remove(at: index) } else { entries.values[index] = .many(names) }
    }
  }
}
