import Addressing
import ControlPlane
import Glibc
import Kubernetes
import Linux
import Synchronization

/// `swiftlet controllers`: those controllers that a cluster does not run itself, on any API server. One of several replicas
/// works at a time.
enum ControllersCommand {
  static let options: [CommandLineOptions.Option] = [
    .init("kubeconfig", "FILE", "how to reach the API server (KUBECONFIG, or in a pod its service account)"),
    .init(
      "controller", "NAME",
      "\(RemoteController.allCases.map(\.rawValue).joined(separator: ", ")); more than once"),
    .init("leader-election", "NAMESPACE/NAME", "work only while holding this Lease (work at once, without one)"),
    .init(
      "identity", "NAME", "who stands for the Lease (POD_NAME of the environment, or the machine's name, and a number)"),
    .init("pod-range", "PREFIX", "node-ranges: addresses of all pods; once a family"),
    .init("node-mask", "LENGTH", "node-ranges: prefix length of a node's part of the IPv4 range (24)"),
    .init("node-mask-ipv6", "LENGTH", "node-ranges: the same for IPv6 (64)"),
    .init("service-range", "PREFIX", "node-ranges: addresses of Services, which no node may get; once a family"),
    .init(
      "own-class-only", nil,
      "load-balancers: leave Services without loadBalancerClass \(loadBalancerClass) to somebody else"),
    .init("health", "ADDRESS:PORT", "answer /livez and /readyz there (nowhere)"),
  ]

  private static let loadBalancerClass = "swiftlet.dev/load-balancer"

  static var help: String {
    "usage: swiftlet controllers --controller NAME [options]\n\n" + CommandLineOptions.help(options)
  }

  static func run(_ arguments: [String]) throws {
    let options = try CommandLineOptions(arguments, known: options)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    let names = try controllers(options)
    let settings = try settings(options, names)
    let health = try options.parsed("health") { try AddressAndPort(parsing: $0) }
    let election = try options["leader-election"].map { try self.election($0, options) }
    Signals.block(terminationSignals)
    let config = try KubeConfig.standard(file: options["kubeconfig"])
    let transport = HTTPTransport(config, options: .of("swiftlet-controllers", version: Main.version))

    let log = Log("controllers")
    let running = Mutex<RemoteControllers?>(nil)
    @Sendable func start() {
      log.info("leads: \(names.map(\.rawValue).sorted().joined(separator: ", "))")
      let controllers = RemoteControllers(transport, names, settings)
      running.withLock { $0 = controllers }
      controllers.start()
    }
    @Sendable func stop() {
      log.info("leads no longer")
      running.withLock { controllers in
        defer { controllers = nil }
        return controllers
      }?.stop()
    }
    let responder = try health.map { address throws in
      let responder = try HTTPResponder("controllers health") { question in
        // A replica that waits is as ready as the one that works, once the other's caches are complete.
        switch question.path {
        case "/livez", "/healthz": return .init(200, "ok\n")
        case "/readyz":
          let isReady = running.withLock { $0?.hasSynced ?? true }
          return isReady ? .init(200, "ok\n") : .init(503, "the cluster's objects have not all been listed yet\n")
        default: return .init(404, "there is no \(question.path) here; ask for /livez or /readyz\n")
        }
      }
      responder.start()
      responder.listen([address])
      return responder
    }
    let candidate = election.map { election in
      var election = election
      election.onLeader = { leader in log.info("the leader is \(leader.isEmpty ? "nobody" : leader)") }
      election.onError = { error in log.warning("election: \(error)") }
      return LeaderElection(transport, election, onStart: start, onStop: stop)
    }
    if let candidate { candidate.start() } else { start() }
    try waitForTermination(terminationSignals)
    if let candidate { candidate.stop() } else { stop() }
    responder?.stop()
    transport.close()
  }

  private static func controllers(_ options: CommandLineOptions) throws(UsageError) -> Set<RemoteController> {
    var names: Set<RemoteController> = []
    for name in options.all("controller") {
      guard let controller = RemoteController(rawValue: name) else {
        throw UsageError(
          "option --controller: there is no controller \(name); known are "
            + RemoteController.allCases.map(\.rawValue).joined(separator: ", "))
      }
      names.insert(controller)
    }
    if names.isEmpty { throw UsageError("option --controller is missing") }
    return names
  }

  private static func settings(
    _ options: CommandLineOptions, _ names: Set<RemoteController>
  ) throws(UsageError) -> ControllerOptions {
    var settings = ControllerOptions()
    let masks: [IPFamily: Int?] = [
      .v4: try options.integer("node-mask", in: 1...30), .v6: try options.integer("node-mask-ipv6", in: 1...126),
    ]
    func prefixes(_ name: String) throws(UsageError) -> [Prefix] {
      var prefixes: [Prefix] = []
      for text in options.all(name) {
        do { prefixes.append(try Prefix(parsing: text)) } catch { throw UsageError("option --\(name): \(error)") }
      }
      return prefixes
    }
    for range in try prefixes("pod-range") {
      settings.podRanges.append(.init(range, nodeLength: masks[range.family] ?? nil))
    }
    settings.occupiedRanges = try prefixes("service-range")
    if names.contains(.nodeRanges), settings.podRanges.isEmpty { throw UsageError("option --pod-range is missing") }
    settings.servesDefaultLoadBalancerClass = !options.has("own-class-only")
    let log = Log("controllers")
    settings.log = { log.warning($0) }
    return settings
  }

  private static func election(
    _ text: String, _ options: CommandLineOptions
  ) throws(UsageError) -> LeaderElection.Options {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
      throw UsageError("option --leader-election: found \"\(text)\", expected NAMESPACE/NAME of a Lease")
    }
    let identity = options["identity"] ?? "\(ownName)_\(UInt64.random(in: 0 ... .max))"
    return LeaderElection.Options(namespace: String(parts[0]), name: String(parts[1]), identity: identity)
  }

  /// The pod's name, or the machine's.
  private static var ownName: String {
    if let name = getenv("POD_NAME"), name.pointee != 0 { return String(cString: name) }
    var buffer = [CChar](repeating: 0, count: 256)
    return gethostname(&buffer, 255) == 0
      ? String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self) : "swiftlet"
  }
}
