/// Items from many threads for one that waits, in order.
package final class Mailbox<Item: Sendable>: Sendable {
  private let items = Monitor<[Item]>([])

  package init() {}

  package func put(_ item: Item) {
    items.withLock { $0.append(item) }
    items.wakeOne()
  }

  /// Waits for items and takes all; an empty array after `timeout` seconds without any.
  package func take(timeout: Double) -> [Item] {
    items.wait(timeout: timeout) { items -> [Item]? in
      if items.isEmpty { return nil }
      defer { items = [] }
      return items
    } ?? []
  }
}
