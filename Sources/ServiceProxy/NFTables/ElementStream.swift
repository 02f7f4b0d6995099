internal import Netlink

/// Writes elements of many sets to a batch in full messages, as they come: all 100,000 of a large cluster at once would
/// take more memory than the batch itself.
struct ElementStream {
  private var waiting: [ServicesLayout.SetID: [NFElement]] = [:]
  /// Elements written or waiting.
  private(set) var count = 0

  mutating func add(_ elements: [NFElement], to set: ServicesLayout.SetID, _ batch: inout NFTablesBatch) {
    count += elements.count
    waiting[set, default: []] += elements
    guard waiting[set]?.count ?? 0 >= NFTablesBatch.elementsPerMessage else { return }
    write(set, &batch)
  }

  /// Writes what waits still.
  mutating func finish(_ batch: inout NFTablesBatch) {
    for set in ServicesLayout.SetID.all { write(set, &batch) }
  }

  private mutating func write(_ set: ServicesLayout.SetID, _ batch: inout NFTablesBatch) {
    guard let elements = waiting.updateValue([], forKey: set), !elements.isEmpty else { return }
    batch.add(elements, to: set.name, of: ServicesLayout.table)
  }
}
