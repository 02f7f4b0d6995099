/// What `swiftlet-pause enter` is told.
package struct EnterOptions: Hashable, Sendable {
  /// Whose namespaces are joined.
  package enum Target: Hashable, Sendable {
    /// The mount, UTS, IPC and network namespaces of a sandbox.
    case process(CInt)
    /// One network namespace, by its path.
    case networkNamespace(String)
  }

  package var target: Target
  package var controlGroup: String?
  package var workingDirectory: String?
  package var identityFile: String?
  /// Standard input is a terminal, and becomes the controlling one; the process leads a session.
  package var takesTerminal = false
  /// The program and its arguments.
  package var command: [String]

  package init(_ target: Target, command: [String]) {
    self.target = target
    self.command = command
  }

  /// The arguments after the word `enter`.
  package init(parsing arguments: [String]) throws(ArgumentError) {
    var target: Target?
    command = []
    var reader = ArgumentReader(arguments)
    while let option = try reader.next() {
      switch option {
      case "--pid":
        let value = try reader.value(of: option)
        guard let pid = CInt(value), pid > 0 else {
          throw ArgumentError("--pid: found \"\(value)\", expected the number of a process")
        }
        target = .process(pid)
      case "--netns": target = .networkNamespace(try reader.value(of: option))
      case "--cgroup": controlGroup = try reader.value(of: option)
      case "--cwd": workingDirectory = try reader.value(of: option)
      case "--identity-file": identityFile = try reader.value(of: option)
      case "--terminal": takesTerminal = true
      case "--": command = reader.remaining()
      default:
        throw ArgumentError(
          "found \(option), expected --pid, --netns, --cgroup, --cwd, --identity-file, --terminal, or -- and a command")
      }
    }
    guard let target else { throw ArgumentError("expected --pid PROCESS or --netns PATH") }
    guard !command.isEmpty else { throw ArgumentError("expected a command after --") }
    self.target = target
  }

  /// The arguments after the word `enter` that say the same.
  package var arguments: [String] {
    var list: [String]
    switch target {
    case .process(let pid): list = ["--pid", String(pid)]
    case .networkNamespace(let path): list = ["--netns", path]
    }
    if let controlGroup { list += ["--cgroup", controlGroup] }
    if let workingDirectory { list += ["--cwd", workingDirectory] }
    if let identityFile { list += ["--identity-file", identityFile] }
    if takesTerminal { list.append("--terminal") }
    return list + ["--"] + command
  }
}
