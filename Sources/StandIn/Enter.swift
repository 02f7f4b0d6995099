internal import CLinux
internal import Glibc
internal import Linux

/// Joins the namespaces of a sandbox and becomes another program: a container, or what `lab exec` runs.
package enum Enter {
  /// Returns only if it fails. The error's code is what a shell would exit with: 127 if there is no such program, 126 if
  /// it cannot be run, 125 for all that went wrong before.
  package static func run(_ options: EnterOptions) -> (message: String, exitCode: CInt) {
    do {
      if let file = options.identityFile { try IdentityFile.writeOwn(file) }
      if options.takesTerminal {
        try checkedResult("take the terminal", swiftlet_ioctl_int(0, UInt(TIOCSCTTY), 0))
      }
      // Before the mount namespace changes: the path is one of the outside.
      if let path = options.controlGroup { try ControlGroup(path: path).add(0) }
      try join(options.target)
      if let directory = options.workingDirectory {
        try check("change to working directory \(directory)") { chdir(directory) }
      }
    } catch {
      return ("enter: \(error)", 125)
    }
    let arguments = options.command.map { strdup($0) } + [nil]
    execvp(arguments[0]!, arguments)
    let code = errno
    return (
      "enter: run \(options.command[0]): \(String(cString: strerror(code)))", code == ENOENT ? 127 : 126
    )
  }

  private static func join(_ target: EnterOptions.Target) throws(SystemError) {
    switch target {
    case .networkNamespace(let path):
      let file = try FileDescriptor.open(path)
      try checkedResult("join network namespace \(path)", swiftlet_setns(file.raw, CInt(swiftlet_CLONE_NEWNET)))
    case .process(let pid):
      // One call for all of them, on a pidfd (Linux 5.8): never half of one process's and half of another's.
      let handle = FileDescriptor(owning: try checkedResult("find process \(pid)", swiftlet_pidfd_open(pid)))
      let flags = CInt(
        swiftlet_CLONE_NEWNET | swiftlet_CLONE_NEWNS | swiftlet_CLONE_NEWUTS | swiftlet_CLONE_NEWIPC)
      try checkedResult("join the namespaces of process \(pid)", swiftlet_setns(handle.raw, flags))
    }
  }
}
