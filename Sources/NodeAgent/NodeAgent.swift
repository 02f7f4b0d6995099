package import Kubernetes
internal import ClusterModel
internal import Glibc
package import JSON
internal import Linux
internal import Synchronization

/// The network of one node: watches the API and runs the planes. It composes and decides nothing.
package final class NodeAgent: Sendable {
  private let model: SharedModel
  private let feed: ModelFeed
  private let runners: [PlaneRunner]
  private let dns: DNSPlane?
  private let settings: AgentConfiguration
  private let started = Timestamp.now()
  private let statusServer: Mutex<AgentStatusServer?> = Mutex(nil)
  private let health: AgentHealth?
  private let services: ServicesPlane?
  private let recorder: EventRecorder?

  /// Makes the planes; nothing is watched before `start`. Throws what a plane cannot do without.
  package init(_ settings: AgentConfiguration, client: APIClient) throws {
    AllocatorSetting.keepLargeBlocksApart()
    var planes: [any Plane] = []
    func isOn(_ name: String) -> Bool { !settings.disabledPlanes.contains(name) }
    // Policy first: it closes what the others open.
    if isOn("policy") { planes.append(try PolicyPlane(settings)) }
    if isOn("routing") { planes.append(try RoutingPlane(settings, client)) }
    if isOn("wiring") { planes.append(WiringPlane(settings)) }
    if isOn("leases") { planes.append(LeasesPlane(settings)) }
    var services: ServicesPlane?
    if isOn("services") {
      recorder = EventRecorder(client, component: "swiftlet-agent", host: settings.nodeName)
      let plane = try ServicesPlane(settings, recorder: recorder)
      services = plane
      planes.append(plane)
    } else {
      recorder = nil
    }
    self.services = services
    if isOn("announcing") { planes.append(try AnnouncementPlane(settings, client)) }
    var dns: DNSPlane?
    if isOn("dns"), !settings.clusterDNS.isEmpty {
      let plane = try DNSPlane(settings)
      planes.append(plane)
      dns = plane
    }
    self.dns = dns
    if isOn("gateway"), settings.isGateway {
      planes.append(try GatewayPlane(settings, client))
    }
    let kinds = Self.kinds(planes: Set(planes.map(\.name)), usesBGP: settings.routing == .bgp)
    let model = SharedModel(kinds: kinds)
    self.model = model
    // An object that is not what the API says it is, is its maker's to know.
    if let recorder { model.onProblem { Self.record($0, recorder) } }
    self.settings = settings
    feed = ModelFeed(client, kinds: kinds, into: model)
    let runners = planes.map { PlaneRunner($0, model: model) }
    self.runners = runners
    health = try settings.health.map { address in
      try AgentHealth(address) { (model.hasSynced, runners.map { ($0.name, $0.currentStatus) }) }
    }
  }

  static func record(_ problem: ModelError, _ recorder: EventRecorder) {
    guard let object = ObjectReference(of: problem) else { return }
    recorder.record(object, .warning, reason: "Invalid", message: "\(problem)")
  }

  package func start() {
    startStatusServer()
    health?.start()
    for runner in runners { runner.start() }
    feed.start()
  }

  /// Stops watching and lets every plane finish what it is doing. What is programmed stays and goes on working.
  package func stop() {
    feed.stop()
    for runner in runners { runner.stop() }
    health?.stop()
    recorder?.stop()
    statusServer.withLock { server in
      server?.stop()
      server = nil
    }
  }

  /// An agent that cannot be asked still does its work.
  private func startStatusServer() {
    do {
      let path = "\(settings.stateDirectory)/\(AgentStatusClient.socketName)"
      let server = try AgentStatusServer(path: path) { [weak self] in
        self?.report ?? .null
      } answer: {
        [weak self] in
        self?.answer($0)
      }
      server.start()
      statusServer.withLock { $0 = server }
    } catch {
      let remedy = error.code == EADDRINUSE ? "; another agent runs with this --state-dir" : ""
      Log("agent status").error("\(error)\(remedy): `swiftlet status` cannot ask this agent")
    }
  }

  /// Everything `swiftlet status` shows.
  package var report: JSON {
    let own = model.read { $0.nodes[settings.nodeName] }
    return [
      "version": .string(settings.version), "node": .string(settings.nodeName), "pid": .int(Int64(getpid())),
      "started": .string("\(started)"), "synced": .bool(model.hasSynced),
      "podRanges": .array((own?.podRanges ?? []).map { .string("\($0)") }),
      "planes": .array(runners.map(\.report)),
    ]
  }

  /// Questions beside `status`: `services`, with a Service's namespace/name or without, and `dns-query`.
  private func answer(_ request: String) -> JSON? {
    let words = request.split(separator: " ")
    if words.first == "dns-query" {
      guard let dns else { return ["error": "this agent runs without the plane dns"] }
      return DNSQuestion.answer(words.dropFirst().map(String.init), dns, model)
    }
    guard words.first == "services", words.count <= 2 else { return nil }
    guard let services else { return ["error": "this agent runs without the plane services"] }
    if words.count == 1 { return services.show(nil, model) }
    let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return ["error": .string("found \(words[1]), expected NAMESPACE/NAME")] }
    let id = NamespacedName(String(parts[0]), String(parts[1]))
    guard model.read({ $0.services[id] != nil }) else { return ["error": .string("there is no Service \(id)")] }
    return services.show(id, model)
  }

  /// Each plane by name, with what it is doing.
  package var status: [(name: String, status: PlaneRunner.Status)] { runners.map { ($0.name, $0.currentStatus) } }
}
