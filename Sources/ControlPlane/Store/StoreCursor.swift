internal import CLinux
internal import Glibc
internal import Linux
internal import Synchronization

/// A place in the history of one resource, and a descriptor that becomes readable when there is more.
package final class StoreCursor: Sendable {
  package let resource: String
  private let store: ObjectStore
  private let position: Mutex<UInt64>
  private let isWoken = Atomic(false)
  private let wakeup: Linux.FileDescriptor

  init(resource: String, revision: UInt64, store: ObjectStore) throws(SystemError) {
    self.resource = resource
    self.store = store
    position = Mutex(revision)
    wakeup = Linux.FileDescriptor(
      owning: try check("eventfd") { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) })
  }

  /// Readable when changes may wait, or after `wake`.
  package var descriptor: CInt { wakeup.raw }

  /// Milliseconds to leave changes to gather after some were taken.
  package var pace: Int { store.pace }

  package func wake() {
    // One write is enough until the reader has looked again.
    if !isWoken.exchange(true, ordering: .acquiringAndReleasing) { eventfd_write(wakeup.raw, 1) }
  }

  /// Takes all changes since the last call, and the revision up to which they are complete; nil if the history no longer
  /// reaches back that far.
  package func next() -> (events: [StoreEvent], revision: UInt64)? {
    // In this order: a wake between the two lines is not lost, because the changes are read after both.
    var count: eventfd_t = 0
    eventfd_read(wakeup.raw, &count)
    isWoken.store(false, ordering: .sequentiallyConsistent)
    return position.withLock { position in
      guard let changes = store.changes(resource, after: position) else { return nil }
      position = changes.revision
      return changes
    }
  }

  /// Ends the following; must be called, because the store holds its followers.
  package func close() { store.unfollow(self) }
}
