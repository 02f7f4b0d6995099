package import ControlPlane
internal import JSON

/// Transactions known by their number alone, so that what a store must hold after any of them can be computed.
package enum StoreScript {
  private static let places = 24

  private static func key(_ place: Int, _ side: String) -> StoreKey {
    StoreKey("pairs", namespace: "n\(place % 3)", name: "\(side)-\(place)")
  }

  /// Text of a length that looks random, up to several pages of the file.
  private static func padding(_ number: Int) -> String {
    String(repeating: "x", count: (number &* 2_654_435_761) % 9000)
  }

  /// Transaction `number`: writes a pair of objects and a counter, and removes another pair.
  package static func run(_ number: Int, _ transaction: StoreTransaction) {
    for side in ["left", "right"] {
      transaction.put(
        key(number % places, side),
        ["metadata": [:], "number": .int(Int64(number)), "padding": .string(padding(number))])
      transaction.delete(key((number + places / 2) % places, side))
    }
    transaction.put(StoreKey("counters", name: "c"), ["metadata": [:], "number": .int(Int64(number))])
  }

  /// The number of the last transaction that a store holds; 0 for an empty one.
  package static func number(in store: ObjectStore) -> Int {
    store.get(StoreKey("counters", name: "c"))?.value["number"].int ?? 0
  }

  /// What is wrong with a store that should hold the transactions up to `number`; empty if nothing is.
  package static func faults(in store: ObjectStore, after number: Int) -> [String] {
    var expected: [StoreKey: Int] = [:]
    for earlier in stride(from: max(1, number - places), through: number, by: 1) {
      for side in ["left", "right"] {
        expected[key(earlier % places, side)] = earlier
        expected[key((earlier + places / 2) % places, side)] = nil
      }
    }
    var faults: [String] = []
    var found: Set<StoreKey> = []
    for object in store.list("pairs").objects {
      found.insert(object.key)
      let held = object.value["number"].int
      if held != expected[object.key] || object.value["padding"].string != held.map(padding) {
        let wanted = expected[object.key].map { "\($0)" } ?? "none"
        faults.append("\(object.key) is of transaction \(held ?? -1), expected \(wanted)")
      }
    }
    for key in expected.keys where !found.contains(key) { faults.append("\(key) is missing") }
    return faults
  }
}
