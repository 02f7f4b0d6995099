import Glibc
import Linux

/// A network namespace of one test, removed with it. Named so that `ip netns exec` finds it.
final class TestNamespace {
  let name: String
  let namespace: NetworkNamespace
  private var path: String { "/run/netns/\(name)" }

  init(_ topic: String) throws {
    name = "swt-nft-\(topic)-\(getpid())"
    mkdir("/run/netns", 0o755)
    namespace = try NetworkNamespace.create(boundTo: "/run/netns/\(name)")
  }

  deinit { try? NetworkNamespace.remove(path: path) }

  /// Runs a shell command inside; returns what it printed on both streams.
  @discardableResult
  func run(_ command: String) -> String { shell("ip netns exec \(name) sh -c '\(command)'") }

  /// Runs a shell command inside with text on its standard input.
  func run(_ command: String, input: String) -> String {
    let file = "/tmp/\(name).input"
    guard let descriptor = try? FileDescriptor.open(file, O_WRONLY | O_CREAT | O_TRUNC) else { return "no \(file)" }
    try? descriptor.writeAll(Array(input.utf8))
    defer { unlink(file) }
    return run("\(command) < \(file)")
  }
}

/// What a shell command prints on both streams.
func shell(_ command: String) -> String {
  guard let stream = popen("{ \(command) ; } 2>&1", "r") else { return "popen failed" }
  defer { pclose(stream) }
  var text: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&buffer, 1, buffer.count, stream)
    if count == 0 { break }
    text += buffer[..<count]
  }
  return String(decoding: text, as: UTF8.self)
}
