internal import Addressing
internal import Linux

/// Runs the hooks of containers on the node's event loop; none waits for another.
final class HookRunner: @unchecked Sendable {
  // @unchecked: `active` belongs to the loop's thread.

  /// Which hook of which start of which container.
  struct Key: Hashable, Sendable {
    var uid: String
    var container: String
    var process: ProcessIdentity
    var moment: ContainerHook.Moment
  }

  /// How a hook is really run.
  enum Action: Sendable {
    /// Connect, send the request if it has bytes, and take any answer for good.
    case connect(IPAddress, port: UInt16, request: [UInt8])
    case execute([String], environment: [String: String])
    case sleep(Double)
    case fail(String)
  }

  private final class Active {
    var attempt: ProbeAttempt?
    var timer: EventLoop.Timer?
  }

  /// Nobody waits longer for a hook, in seconds; a preStop hook is cut by its pod's grace before.
  private static let longest = 86_400.0

  private let loop: EventLoop
  private let namespace: NetworkNamespace?
  private var active: [Key: Active] = [:]

  init(_ loop: EventLoop, namespace: NetworkNamespace?) {
    self.loop = loop
    self.namespace = namespace
  }

  /// Calls `done` once on the loop's thread, with what went wrong or nil, unless it is cancelled before.
  func run(_ key: Key, _ action: Action, done: @escaping @Sendable (String?) -> Void) {
    loop.perform { [self] in
      guard active[key] == nil else { return }
      let entry = Active()
      active[key] = entry
      let finish = { [unowned self] (failure: String?) in
        active[key] = nil
        done(failure)
      }
      switch action {
      case .fail(let reason): finish(reason)
      case .sleep(let seconds):
        entry.timer = loop.schedule(after: min(seconds, Self.longest)) { finish(nil) }
      case .connect(let address, let port, let request):
        let attempt = attempt(finish)
        attempt.acceptsAnyStatus = true
        entry.attempt = attempt
        attempt.connect(address, port: port, request: request)
      case .execute(let command, let environment):
        let attempt = attempt(finish)
        entry.attempt = attempt
        attempt.execute(command, environment: environment)
      }
    }
  }

  private func attempt(_ finish: @escaping (String?) -> Void) -> ProbeAttempt {
    ProbeAttempt(loop, namespace: namespace, timeout: Self.longest) { success, message in
      finish(success ? nil : message)
    }
  }

  /// Ends the hooks of a container, or of a whole pod, without calling back.
  func cancel(uid: String, container: String? = nil) {
    loop.perform { [self] in
      for (key, entry) in active where key.uid == uid && (container == nil || key.container == container) {
        if let timer = entry.timer { loop.cancel(timer) }
        entry.attempt?.cancel()
        active[key] = nil
      }
    }
  }
}
