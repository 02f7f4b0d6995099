/// A set's elements with the number of reasons for each, and what changed since the last look.
///
/// Two pods may have one address for a moment (one ends, another begins): the element stays until both are gone.
struct ElementBag {
  private(set) var elements: Set<PolicyElement> = []
  /// How many more reasons than one an element has; nearly all have one.
  private var further: [PolicyElement: Int] = [:]
  /// Elements touched since the last look, and whether they were there before.
  private var touched: [PolicyElement: Bool] = [:]

  mutating func add(_ element: PolicyElement) {
    if elements.insert(element).inserted {
      note(element, was: false)
    } else {
      further[element, default: 0] += 1
    }
  }

  mutating func remove(_ element: PolicyElement) {
    if let count = further[element] {
      further[element] = count > 1 ? count - 1 : nil
    } else if elements.remove(element) != nil {
      note(element, was: true)
    }
  }

  private mutating func note(_ element: PolicyElement, was present: Bool) {
    if touched[element] == nil { touched[element] = present }
  }

  /// What was really added and removed since the last look.
  mutating func takeChange() -> (added: [PolicyElement], removed: [PolicyElement]) {
    var added: [PolicyElement] = []
    var removed: [PolicyElement] = []
    for (element, was) in touched where elements.contains(element) != was {
      if was { removed.append(element) } else { added.append(element) }
    }
    touched = [:]
    return (added, removed)
  }

  /// Forgets the changes: whoever asks takes the elements as they are.
  mutating func forgetChange() { touched = [:] }
}
