import ControlPlane
import Glibc
import StoreScript

/// A process that does nothing but write to a store until it is killed: `swiftlet-store-writer PATH COUNT`. It makes
/// the transactions of `StoreScript` after the last one that the store holds, at most COUNT of them, and tells each that
/// was acknowledged as 8 bytes on its standard output.
@main
struct StoreWriter {
  static func main() throws {
    let store = try ObjectStore(path: CommandLine.arguments[1], checkpointPages: 24)
    let first = StoreScript.number(in: store) + 1
    for number in first..<(first + (Int(CommandLine.arguments[2]) ?? 0)) {
      try store.write { StoreScript.run(number, $0) }
      var acknowledged = UInt64(number)
      guard write(STDOUT_FILENO, &acknowledged, 8) == 8 else { return }
    }
  }
}
