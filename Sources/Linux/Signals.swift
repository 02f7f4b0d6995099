internal import CLinux
internal import Glibc

/// Signals as things to read. A program blocks what it handles first thing in `main`, before any thread starts, and reads
/// them from a descriptor; no handler ever runs.
package enum Signals {
  /// Blocks signals in this thread and in all it starts later. Children started by `ChildProcess` begin with none blocked.
  package static func block(_ signals: [CInt]) {
    var set = sigset(signals)
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Makes writing to a closed pipe or socket an error (EPIPE) instead of the end of the program.
  package static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

  /// A descriptor that is readable when one of these signals, blocked already, has come. `read` takes them from it.
  package static func descriptor(_ signals: [CInt]) throws(SystemError) -> FileDescriptor {
    var set = sigset(signals)
    let flags = CInt(SFD_CLOEXEC) | CInt(SFD_NONBLOCK)
    return FileDescriptor(owning: try check("signalfd") { signalfd(-1, &set, flags) })
  }

  /// The signals that have come; empty if none.
  package static func read(_ descriptor: borrowing FileDescriptor) -> [CInt] {
    var signals: [CInt] = []
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    while Glibc.read(descriptor.raw, &information, size) == size {
      signals.append(CInt(bitPattern: information.ssi_signo))
    }
    return signals
  }

  private static func sigset(_ signals: [CInt]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }
}
