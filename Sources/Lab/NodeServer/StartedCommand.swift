internal import CLinux
internal import Glibc
internal import Linux
internal import Streaming

/// A command that runs in a container, and our ends of its standard streams, which never make us wait.
final class StartedCommand {
  /// Nil: it has ended, or was never asked for. With a terminal input and output are the same.
  private(set) var input: Stream?
  private(set) var output: Stream?
  private(set) var errors: Stream?
  private let child: ChildProcess
  private let hasTerminal: Bool

  /// A descriptor that can be held in an optional and be shared.
  final class Stream {
    private let descriptor: FileDescriptor
    var raw: CInt { descriptor.raw }

    /// - Parameter isOurs: the child's side keeps its mode, in which it may wait.
    init(_ descriptor: consuming FileDescriptor, isOurs: Bool = true) {
      self.descriptor = descriptor
      if isOurs { _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK) }
    }
  }

  struct NotStarted: Error, CustomStringConvertible {
    let description: String
  }

  init(
    _ command: [String], in pod: PodDirectory, _ container: String, _ streams: CommandStreams, pauseProgram: String
  ) throws {
    guard
      let execution = pod.execution(
        of: command, in: container, pauseProgram: pauseProgram, hasTerminal: streams.tty)
    else { throw NotStarted(description: "the pod's sandbox has ended") }
    var environment = execution.environment
    if environment["PATH"] == nil { environment["PATH"] = NodeServices.searchPath }
    hasTerminal = streams.tty
    if streams.tty {
      if environment["TERM"] == nil { environment["TERM"] = "xterm" }
      let pair = try Pseudoterminal()
      let end = pair.terminal.raw
      child = try ChildProcess(
        execution.arguments, environment: environment, standardInput: .descriptor(end),
        standardOutput: .descriptor(end), standardError: .descriptor(end), newSession: true)
      let stream = Stream(try pair.master.duplicate())
      input = streams.stdin ? stream : nil
      output = stream
      return
    }
    func pipe() throws(SystemError) -> (reader: CInt, writer: CInt) {
      var ends: [CInt] = [-1, -1]
      try checkedResult("pipe", swiftlet_pipe(&ends))
      return (ends[0], ends[1])
    }
    var theirs: [Stream] = []
    var given: [ChildProcess.Stream] = [.null, .null, .null]
    for (index, isWanted) in [streams.stdin, streams.stdout, streams.stderr].enumerated() where isWanted {
      let ends = try pipe()
      let ours = Stream(FileDescriptor(owning: index == 0 ? ends.writer : ends.reader))
      let number = index == 0 ? ends.reader : ends.writer
      theirs.append(Stream(FileDescriptor(owning: number), isOurs: false))
      given[index] = .descriptor(number)
      switch index {
      case 0: input = ours
      case 1: output = ours
      default: errors = ours
      }
    }
    child = try ChildProcess(
      execution.arguments, environment: environment, standardInput: given[0], standardOutput: given[1],
      standardError: given[2], newSession: true)
    withExtendedLifetime(theirs) {}
  }

  /// Readable once it has ended.
  var descriptor: CInt { child.descriptor.raw }

  /// How it ended; only after that.
  func status() -> ChildProcess.Status? { child.wait(timeout: 0) }

  /// Nothing more is written. A terminal has no end of input.
  func closeInput() { if !hasTerminal { input = nil } }
  func closeOutput() { output = nil }
  func closeErrors() { errors = nil }

  func resize(columns: UInt16, rows: UInt16) {
    if hasTerminal, let output { _ = swiftlet_set_window_size(output.raw, columns, rows) }
  }

  /// Ends it where nobody listens any more: what a terminal that is hung up does, and a second later the hard way. It was
  /// not reaped yet, so that its number still means its process group.
  func abandon() {
    input = nil
    output = nil
    errors = nil
    if child.wait(timeout: 0) != nil { return }
    kill(-child.pid, SIGHUP)
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if poll(&entry, 1, 1000) <= 0 { kill(-child.pid, SIGKILL) }
    child.wait()
  }
}
