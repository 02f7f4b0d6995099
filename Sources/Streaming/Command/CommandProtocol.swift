/// How a client's streams of one command are carried: a pure state machine, bytes in, events and bytes out.
package protocol CommandProtocol {
  /// All streams the client asked for are there.
  var isReady: Bool { get }
  /// Throws where the bytes are against the protocol; then the connection is closed after what there is to send.
  mutating func receive(_ bytes: [UInt8]) throws -> [CommandEvent]
  mutating func write(_ channel: CommandChannel, _ bytes: [UInt8])
  /// Ends all streams; the status, a JSON object, is what the client learns of the end.
  mutating func finish(_ status: [UInt8])
  /// What is to be sent now.
  mutating func takeOutput() -> [UInt8]
}

/// What the client does.
package enum CommandEvent: Hashable, Sendable {
  case input([UInt8])
  case inputEnded
  case resize(columns: UInt16, rows: UInt16)
  /// The client wants nothing more.
  case left
}

/// Kubernetes' streams of a command; the numbers are those of `v4.channel.k8s.io` and `v5.channel.k8s.io`.
package enum CommandChannel: UInt8, Hashable, Sendable {
  case stdin, stdout, stderr, error, resize

  /// `streamtype` of a SPDY stream.
  init?(streamType: String) {
    switch streamType {
    case "stdin": self = .stdin
    case "stdout": self = .stdout
    case "stderr": self = .stderr
    case "error": self = .error
    case "resize": self = .resize
    default: return nil
    }
  }
}

/// Which streams a client asked for.
package struct CommandStreams: Hashable, Sendable {
  package var stdin: Bool
  package var stdout: Bool
  package var stderr: Bool
  package var tty: Bool

  package init(stdin: Bool = false, stdout: Bool = true, stderr: Bool = true, tty: Bool = false) {
    self.stdin = stdin
    self.stdout = stdout
    // A terminal has one output.
    self.stderr = stderr && !tty
    self.tty = tty
  }

  var channels: Set<CommandChannel> {
    var channels: Set<CommandChannel> = [.error]
    if stdin { channels.insert(.stdin) }
    if stdout { channels.insert(.stdout) }
    if stderr { channels.insert(.stderr) }
    if tty { channels.insert(.resize) }
    return channels
  }
}
