internal import Glibc
package import Kubernetes
internal import Linux

/// Puts a backup in the place of a store's file.
package enum StoreRestore {
  /// Added to all revisions, so that a client that has seen a later state than the backup's is told 410 and lists anew,
  /// instead of taking changes it has not seen for ones it knows.
  static let revisionStep: UInt64 = 1_000_000_000

  /// The name of the file while it is made.
  static func temporary(_ path: String) -> String { path + ".restoring" }

  /// What a restore did.
  package struct Outcome: Sendable {
    /// How many objects the store holds now, and the revision it goes on from.
    package let objects: Int
    package let revision: UInt64
    /// Where the earlier store is kept; nil if there was none.
    package let kept: String?
  }

  /// Replaces the store at `path` by what `backup` holds. Refuses while a server has the store open, and where the backup
  /// is damaged, not ours, or of a later layout; the store is as it was then. The earlier store is kept beside it.
  package static func run(from backup: String, to path: String, now: Timestamp = .now()) throws(StoreError) -> Outcome {
    let lock = try StoreLock(path)
    defer { withExtendedLifetime(lock) {} }
    _ = try SQLiteDatabase.checkHeader(backup)
    let temporary = temporary(path)
    for suffix in ["", "-wal", "-journal", ".layout-1"] { unlink(temporary + suffix) }
    // With its log, for a backup that is a copy of the files of a server that was not running.
    for suffix in ["", "-wal"] where access(backup + suffix, F_OK) == 0 {
      do { try Files.write(temporary + suffix, try Files.read(backup + suffix), mode: 0o600, durable: true) } catch {
        throw StoreError(path, "cannot be restored: \(error)")
      }
    }
    let (objects, revision): (Int, UInt64)
    do {
      (objects, revision) = try prepare(temporary)
    } catch {
      for suffix in ["", "-wal", "-journal", ".layout-1"] { unlink(temporary + suffix) }
      throw StoreError(backup, error.reason.replacing(temporary, with: backup))
    }
    unlink(temporary + ".layout-1")
    var kept: String?
    if access(path, F_OK) == 0 || access(path + "-wal", F_OK) == 0 {
      let name = free(path + ".before-restore-" + now.description.filter { $0 != ":" && $0 != "-" })
      // The database first: without it and beside a restore, a start refuses (SQLiteDatabase.create).
      for suffix in ["", "-wal"] where access(path + suffix, F_OK) == 0 {
        try SQLiteDatabase.rename(path + suffix, to: name + suffix)
      }
      kept = name
    }
    try SQLiteDatabase.rename(temporary, to: path)
    return Outcome(objects: objects, revision: revision, kept: kept)
  }

  /// A name that no file has.
  private static func free(_ name: String) -> String {
    var number = 1
    while access(number == 1 ? name : "\(name).\(number)", F_OK) == 0 { number += 1 }
    return number == 1 ? name : "\(name).\(number)"
  }

  /// Checks a copy as a start would, and raises its revisions.
  private static func prepare(_ path: String) throws(StoreError) -> (objects: Int, revision: UInt64) {
    let database = try SQLiteDatabase(path: path)
    let state = try StoreState(reading: database)
    let revision = state.revision + revisionStep
    try database.run(
      """
      BEGIN IMMEDIATE; UPDATE resources SET revision = \(revision);
      INSERT OR REPLACE INTO resources VALUES ('', \(revision)); COMMIT;
      PRAGMA journal_mode = DELETE
      """)
    return (state.count, revision)
  }
}
