internal import Synchronization

/// The lines that watches send for one change: encoded by the first watch that needs one, and sent by all others as they
/// are.
package final class SharedLines: Sendable {
  /// What tells a line from others of the same change.
  struct Name: Equatable, Sendable {
    enum View: Sendable {
      case added, modified, deleted
      /// It is there still, but no longer among what the watch selects.
      case left
    }

    var view: View
    /// Metadata alone.
    var isPartial: Bool
    var apiVersion: String
  }

  // Two or three: looking through them costs less than hashing, which a thousand watches would do for each change.
  private let lines = Mutex<[(name: Name, line: [UInt8])]>([])

  /// The line of a name, which `encode` makes where no watch asked for it before.
  func line(_ name: Name, _ encode: () -> [UInt8]) -> [UInt8] {
    if let line = lines.withLock({ $0.first { $0.name == name }?.line }) { return line }
    let line = encode()
    lines.withLock { lines in
      if !lines.contains(where: { $0.name == name }) { lines.append((name, line)) }
    }
    return line
  }

  func forget() { lines.withLock { $0 = [] } }
}
