/// How far a container that was asked to end is: its hook, SIGTERM, SIGKILL.
struct ContainerStop {
  enum Stage {
    case hook
    case signalled
  }

  /// Seconds a container has after SIGTERM even if its hook used up all its grace (kubelet's rule).
  static let leastGrace = 2.0

  var stage: Stage
  var hadHook: Bool
  /// Monotonic seconds at which its grace is over, as it was asked for.
  var deadline: Double
  /// Monotonic seconds at which it is killed; known once it was signalled.
  var killAt: Double
}
