extension ChildProcess {
  /// How a process ended.
  package enum Status: Hashable, Sendable, CustomStringConvertible {
    /// It called exit with this status.
    case exited(CInt)
    /// This signal ended it.
    case signaled(CInt)

    /// From the status of wait(2), of a process that has ended.
    init(waitStatus: CInt) {
      let signal = waitStatus & 0x7F
      self = signal == 0 ? .exited(waitStatus >> 8 & 0xFF) : .signaled(signal)
    }

    /// It exited with status 0.
    package var isSuccess: Bool { self == .exited(0) }
    /// As a shell shows it and Kubernetes stores it: 128 + signal number for a signal.
    package var shellCode: CInt {
      switch self {
      case .exited(let code): code
      case .signaled(let signal): 128 + signal
      }
    }

    package var description: String {
      switch self {
      case .exited(let code): "exit status \(code)"
      case .signaled(let signal): "signal \(signal)"
      }
    }
  }
}
