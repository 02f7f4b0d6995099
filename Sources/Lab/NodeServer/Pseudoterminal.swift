internal import CLinux
internal import Linux

/// A pair of a terminal (pty(7)): we hold the master, a command gets the other end.
struct Pseudoterminal: ~Copyable {
  let master: FileDescriptor
  let terminal: FileDescriptor

  init() throws(SystemError) {
    var end: CInt = -1
    master = FileDescriptor(owning: try checkedResult("open a terminal", swiftlet_open_terminal(&end)))
    terminal = FileDescriptor(owning: end)
  }
}
