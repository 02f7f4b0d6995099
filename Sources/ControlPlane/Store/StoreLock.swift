internal import Linux

/// Held by whoever has a store open or replaces its file; a process that dies lets go of it.
final class StoreLock: Sendable {
  private let lock: FileLock

  /// Throws if another process holds it.
  init(_ path: String) throws(StoreError) {
    let taken: FileLock?
    do { taken = try FileLock.attempt(path + ".lock") } catch {
      throw StoreError(path, "cannot be opened: \(error)")
    }
    guard let taken else { throw .inUse(path) }
    lock = taken
  }
}
