internal import Addressing
internal import Linux

/// Asks probes again and again. They share one event loop and never wait for one another.
final class ProbeRunner: @unchecked Sendable {
  // @unchecked: `active` belongs to the loop's thread.

  /// Which probe of which start of which container.
  struct Key: Hashable, Sendable {
    var uid: String
    var container: String
    var process: ProcessIdentity
    var kind: ProbeKind
  }

  /// How a check is really made.
  enum Action: Sendable {
    /// Connect, send the request if it has bytes, and expect a good status.
    case connect(IPAddress, port: UInt16, request: [UInt8])
    case execute([String], environment: [String: String])
    /// Always this result.
    case constant(Bool, message: String)
  }

  /// One result.
  struct Report: Sendable {
    var key: Key
    var success: Bool
    var message: String
    /// What counts after this result; nil before any threshold is reached.
    var isSuccessful: Bool?
    /// This result changed what counts.
    var isChange: Bool
  }

  private final class Active {
    var state: ProbeState
    var timer: EventLoop.Timer?
    var attempt: ProbeAttempt?
    init(_ state: ProbeState) { self.state = state }
  }

  private let loop: EventLoop
  private let namespace: NetworkNamespace?
  private var active: [Key: Active] = [:]

  init(_ loop: EventLoop, namespace: NetworkNamespace?) {
    self.loop = loop
    self.namespace = namespace
  }

  /// Asks from `delay` seconds on until `stop`; `report` is called on the loop's thread.
  ///
  /// - Parameter initial: what counts until the first threshold is reached.
  func start(
    _ key: Key, _ probe: ProbeManifest, _ action: Action, delay: Double, initial: Bool?,
    report: @escaping @Sendable (Report) -> Void
  ) {
    loop.perform { [self] in
      guard active[key] == nil else { return }
      let entry = Active(ProbeState(probe, initial: initial))
      active[key] = entry
      entry.timer = loop.schedule(after: delay, every: probe.period) { [unowned self, unowned entry] in
        ask(key, probe, action, entry, report)
      }
    }
  }

  private func ask(
    _ key: Key, _ probe: ProbeManifest, _ action: Action, _ entry: Active, _ report: @escaping (Report) -> Void
  ) {
    guard entry.attempt == nil else { return }
    let finish = { [unowned entry] (success: Bool, message: String) in
      entry.attempt = nil
      let isChange = entry.state.record(success)
      report(
        Report(
          key: key, success: success, message: message, isSuccessful: entry.state.isSuccessful, isChange: isChange))
    }
    if case .constant(let success, let message) = action { return finish(success, message) }
    let attempt = ProbeAttempt(loop, namespace: namespace, timeout: probe.timeout, done: finish)
    entry.attempt = attempt
    switch action {
    case .connect(let address, let port, let request): attempt.connect(address, port: port, request: request)
    case .execute(let command, let environment): attempt.execute(command, environment: environment)
    case .constant: break
    }
  }

  /// Ends the probes of a container, or of one kind of it, or of a whole pod.
  func stop(uid: String, container: String? = nil, kind: ProbeKind? = nil) {
    loop.perform { [self] in
      for (key, entry) in active
      where key.uid == uid && (container == nil || key.container == container) && (kind == nil || key.kind == kind) {
        if let timer = entry.timer { loop.cancel(timer) }
        entry.attempt?.cancel()
        active[key] = nil
      }
    }
  }

  /// The request of an HTTP probe.
  static func request(
    host: String, port: UInt16, path: String, headers: [ProbeManifest.Header], kubeletVersion: String
  ) -> [UInt8] {
    var text = "GET \(path) HTTP/1.1\r\n"
    let names = Set(headers.map { $0.name.lowercased() })
    if !names.contains("host") { text += "Host: \(host.contains(":") ? "[\(host)]" : host):\(port)\r\n" }
    if !names.contains("user-agent") { text += "User-Agent: kube-probe/\(kubeletVersion)\r\n" }
    if !names.contains("accept") { text += "Accept: */*\r\n" }
    for header in headers { text += "\(header.name): \(header.value)\r\n" }
    text += "Connection: close\r\n\r\n"
    return Array(text.utf8)
  }
}
