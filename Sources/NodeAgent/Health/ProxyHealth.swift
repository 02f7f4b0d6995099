internal import Addressing
internal import ClusterModel
internal import JSON
internal import Kubernetes
internal import Linux
internal import ServiceProxy
internal import Synchronization

/// What load balancers and probes ask a node about its Services, at kube-proxy's ports and in its forms: the health check
/// node port of each Service with `externalTrafficPolicy: Local`; `/healthz` and `/livez` at 10256; `/proxyMode` at 10249
/// of the loopback.
final class ProxyHealth: Sendable {
  static let healthPort: UInt16 = 10256
  static let statusPort: UInt16 = 10249
  /// Seconds that a change may wait to be programmed before the proxy counts as unhealthy (kube-proxy: twice the longest
  /// time between two synchronizations).
  static let longestWait = 60.0

  private struct State {
    var checks: [UInt16: (service: NamespacedName, check: CompiledService.HealthCheck)] = [:]
    /// Since when the plane has failed to program what it should; nil while all is well.
    var failingSince: Double?
    /// The node is about to go: load balancers should look elsewhere.
    var isLeaving = false
  }

  private let state = Mutex(State())
  private let responder: Mutex<HTTPResponder?> = Mutex(nil)
  private let families: Set<IPFamily>
  private let mode: String
  private let metrics: ServiceMetrics

  /// `mode` is the answer to `/proxyMode`.
  init(families: Set<IPFamily>, mode: String = "nftables", metrics: ServiceMetrics = ServiceMetrics()) {
    self.families = families
    self.mode = mode
    self.metrics = metrics
  }

  /// `scrape` is the answer to `/metrics`.
  func start(_ scrape: @escaping @Sendable () -> String) throws(SystemError) {
    let started = try HTTPResponder("agent health") { [weak self] question in
      if question.port == Self.statusPort, question.path == "/metrics" {
        return HTTPResponder.Answer(200, scrape(), contentType: "text/plain; version=0.0.4; charset=utf-8")
      }
      return self?.answer(question) ?? HTTPResponder.Answer(503, "the agent stops\n")
    }
    started.start()
    responder.withLock { $0 = started }
    listen()
  }

  func stop() {
    responder.withLock { responder in
      responder?.stop()
      responder = nil
    }
  }

  /// Called after every pass of the plane.
  func update(_ checks: [NamespacedName: CompiledService.HealthCheck], own: Node?) {
    let changed = state.withLock { state in
      let ports = Set(state.checks.keys)
      state.checks = [:]
      // Of two Services with one port, which the API server never allots, the first by name is answered for.
      for (service, check) in checks.sorted(by: { $0.key > $1.key }) { state.checks[check.port] = (service, check) }
      state.isLeaving = own.map { $0.isLeaving } ?? false
      state.failingSince = nil
      return ports != Set(state.checks.keys)
    }
    if changed { listen() }
  }

  func failed() { state.withLock { $0.failingSince = $0.failingSince ?? Time.monotonicSeconds } }

  private func listen() {
    let ports = state.withLock { Set($0.checks.keys) }.union([Self.healthPort])
    var addresses: Set<AddressAndPort> = [AddressAndPort(.v4(IPv4Address(127, 0, 0, 1)), Self.statusPort)]
    for family in families {
      for port in ports { addresses.insert(AddressAndPort(IPAddress(family, number: 0), port)) }
    }
    responder.withLock { $0?.listen(addresses) }
  }

  func answer(_ question: HTTPResponder.Question) -> HTTPResponder.Answer {
    let (check, isHealthy, isLeaving) = state.withLock { state in
      (
        state.checks[question.port],
        state.failingSince.map { Time.monotonicSeconds - $0 < Self.longestWait } ?? true, state.isLeaving
      )
    }
    switch (question.port, question.path) {
    case (Self.healthPort, "/healthz"):
      let answer = probe(isHealthy && !isLeaving, isLeaving: isLeaving)
      metrics.answered(isLiveness: false, answer.status)
      return answer
    case (Self.healthPort, "/livez"):
      let answer = probe(isHealthy, isLeaving: nil)
      metrics.answered(isLiveness: true, answer.status)
      return answer
    case (Self.statusPort, "/proxyMode"): return .init(200, mode)
    case (Self.healthPort, _), (Self.statusPort, _): return .init(404, "there is no \(question.path) here\n")
    default:
      guard let (service, check) = check else { return .init(404, "no Service has this port any more\n") }
      let body: JSON = [
        "service": ["namespace": .string(service.namespace), "name": .string(service.name)],
        "localEndpoints": .int(Int64(check.localEndpoints)), "serviceProxyHealthy": .bool(isHealthy),
      ]
      return .init(
        check.localEndpoints > 0 && isHealthy ? 200 : 503, body.description, contentType: "application/json",
        headers: [("X-Load-Balancing-Endpoint-Weight", "\(check.localEndpoints)")])
    }
  }

  private func probe(_ isWell: Bool, isLeaving: Bool?) -> HTTPResponder.Answer {
    var body: JSON = ["currentTime": .string("\(Timestamp.now())")]
    if let isLeaving { body["nodeEligible"] = .bool(!isLeaving) }
    return .init(isWell ? 200 : 503, body.description, contentType: "application/json")
  }
}
