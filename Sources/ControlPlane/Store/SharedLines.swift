internal import Synchronization

/// The lines that watches send for one change: encoded by the first watch that needs one, and sent by all others as they
/// are.
package final class SharedLines: Sendable {
  private let lines = Mutex<[String: [UInt8]]>([:])

  /// The line of a name, which `encode` makes where no watch asked for it before.
  func line(_ name: String, _ encode: () -> [UInt8]) -> [UInt8] {
    if let line = lines.withLock({ $0[name] }) { return line }
    let line = encode()
    lines.withLock { $0[name] = line }
    return line
  }

  func forget() { lines.withLock { $0 = [:] } }
}
