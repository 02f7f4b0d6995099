/// Closed at first; once opened it stays open and lets everyone pass who waits.
package final class Gate: Sendable {
  private let flag = Monitor(false)

  package init() {}

  package var isOpen: Bool { flag.withLock { $0 } }

  package func open() {
    flag.withLock { $0 = true }
    flag.wakeAll()
  }

  /// Waits until the gate is open, at most `timeout` seconds, and answers whether it is.
  @discardableResult
  package func wait(timeout: Double) -> Bool { flag.wait(timeout: timeout) { $0 ? true : nil } ?? false }
}
