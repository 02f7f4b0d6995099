import Addressing
import ControlPlane
import Diagnosis
import Glibc
import Kubernetes
import Linux

/// `swiftlet server`: the API on SQLite, allocators, controllers and scheduler, until a signal ends it.
enum ServerCommand {
  /// The folder of a server that was told no other, and the store in a folder.
  static let usualFolder = "/var/lib/swiftlet"
  static func database(_ folder: String) -> String { folder + "/swiftlet.db" }

  static let options: [CommandLineOptions.Option] = [
    .init("data-dir", "DIR", "the store, certificates, keys and tokens.csv (/var/lib/swiftlet)"),
    .init("listen", "ADDRESS:PORT", "where to serve HTTPS; more than once for several (127.0.0.1:6443)"),
    .init("listen-fd", "N", "an inherited socket that listens already"),
    .init("advertise-address", "ADDRESS", "where pods and nodes reach the API; once a family"),
    .init("pod-range", "PREFIX", "addresses of all pods, a part of which each node gets; once a family"),
    .init("node-mask", "LENGTH", "prefix length of a node's part of the IPv4 pod range (24)"),
    .init("node-mask-ipv6", "LENGTH", "the same for IPv6 (64)"),
    .init("service-range", "PREFIX", "addresses of Services; once a family (10.96.0.0/16)"),
    .init("node-ports", "FIRST-LAST", "where node ports may lie (30000-32767)"),
    .init(
      "own-load-balancer-class-only", nil, "leave Services of type LoadBalancer without a class to another controller"),
    .init("server-name", "NAME", "a further name or address of the certificate"),
    .init("cluster-domain", "DOMAIN", "the zone of Services (cluster.local)"),
    .init("without-scheduler", nil, "leave pods to another scheduler"),
    .init("node-monitor-grace-period", "SECONDS", "silence after which a node is taken for dead, 2 to 3600 (40)"),
    .init("node-eviction-rate", "RATE", "nodes a second, of a zone, from which pods are driven away (0.1)"),
    .init("secondary-node-eviction-rate", "RATE", "the same in a large zone with many silent nodes (0.01)"),
    .init("unhealthy-zone-threshold", "SHARE", "what part of a zone's nodes, at least three, are many (0.55)"),
    .init(
      "large-cluster-size-threshold", "N", "a zone with more nodes is large; in others none is driven away then (50)"),
  ]

  static var help: String {
    "usage: swiftlet server [options]\n\n" + CommandLineOptions.help(options) + "\n\n" + StoreCommands.help
  }

  static func run(_ arguments: [String]) throws {
    switch arguments.first {
    case "backup": return try StoreCommands.backup(Array(arguments.dropFirst()))
    case "restore": return try StoreCommands.restore(Array(arguments.dropFirst()))
    default: break
    }
    let options = try CommandLineOptions(arguments, known: options)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    let folder = options["data-dir"] ?? usualFolder
    let services = try prefixes("service-range", options)
    let pods = try prefixes("pod-range", options)
    let servicesOption = services.isEmpty ? "the default" : "--service-range"
    let serviceRanges = services.isEmpty ? [Prefix("10.96.0.0/16")!] : services
    let masks: [IPFamily: Int?] = [
      .v4: try options.integer("node-mask", in: 1...30), .v6: try options.integer("node-mask-ipv6", in: 1...126),
    ]
    let nodeMasks = masks.compactMapValues { $0 }
    try RangeReview.check(
      pods: pods, services: serviceRanges, servicesOption: servicesOption, nodeMasks: nodeMasks, log: Log("server"))
    let rates = try evictionRates(options)
    let gracePeriod = try options.integer("node-monitor-grace-period", in: 2...3600)
    let listeners = try listeners(options)
    Signals.block(terminationSignals)
    raiseDescriptorLimit()
    var configuration = APIServerConfiguration(
      databasePath: database(folder), serviceRanges: serviceRanges)
    configuration.pkiPath = folder
    if let range = try nodePorts(options) { configuration.nodePorts = range }
    for text in options.all("advertise-address") {
      do { configuration.advertisedAddresses.append(try IPAddress(parsing: text)) } catch {
        throw UsageError("option --advertise-address: \(error)")
      }
    }
    if let fault = configuration.fault { throw UsageError(fault) }
    if Set(pods.map(\.family)).count < pods.count {
      throw UsageError("option --pod-range: found two of one family, expected at most one IPv4 and one IPv6")
    }
    configuration.serverNames = options.all("server-name")
    if let domain = options["cluster-domain"] { configuration.clusterDomain = domain }
    try Files.makeDirectories(folder, mode: 0o700)
    let server = try APIServer(configuration)
    let backups = try BackupServer(server.store, path: "\(folder)/\(BackupServer.socketName)")
    backups.start()
    defer { backups.stop() }
    try server.start(listeners)

    var controllers = ControllerOptions()
    controllers.podRanges = pods.map { .init($0, nodeLength: nodeMasks[$0.family]) }
    controllers.occupiedRanges = configuration.serviceRanges
    controllers.serviceRanges = configuration.serviceRanges
    controllers.nodePorts = configuration.nodePorts
    controllers.servesDefaultLoadBalancerClass = !options.has("own-load-balancer-class-only")
    controllers.evictionRates = rates
    if let gracePeriod { controllers.nodeGracePeriod = Double(gracePeriod) }
    controllers.rootCertificate = server.pki?.authority
    controllers.runsScheduler = !options.has("without-scheduler")
    let log = Log("controllers")
    controllers.log = { log.warning($0) }
    let manager = ControllerManager(server.transport, controllers)
    manager.start()
    try waitForTermination(terminationSignals)
    manager.stop()
    server.stop()
  }

  private static func prefixes(_ name: String, _ options: CommandLineOptions) throws(UsageError) -> [Prefix] {
    var prefixes: [Prefix] = []
    for text in options.all(name) {
      do { prefixes.append(try Prefix(parsing: text)) } catch { throw UsageError("option --\(name): \(error)") }
    }
    return prefixes
  }

  private static func nodePorts(_ options: CommandLineOptions) throws(UsageError) -> ClosedRange<Int>? {
    guard let text = options["node-ports"] else { return nil }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], 1 <= first, first <= last, last <= 65535 else {
      throw UsageError(
        "option --node-ports: found \"\(text)\", expected FIRST-LAST within 1 to 65535, such as 30000-32767")
    }
    return first...last
  }

  private static func evictionRates(_ options: CommandLineOptions) throws(UsageError) -> NodeEvictionRates {
    var rates = NodeEvictionRates()
    func number(_ name: String, _ bounds: ClosedRange<Double>, _ usual: Double) throws(UsageError) -> Double {
      guard let text = options[name] else { return usual }
      guard let value = Double(text), bounds.contains(value) else {
        throw UsageError(
          "option --\(name): found \"\(text)\", expected a number from \(bounds.lowerBound) to \(bounds.upperBound)")
      }
      return value
    }
    rates.rate = try number("node-eviction-rate", 0...1000, rates.rate)
    rates.secondaryRate = try number("secondary-node-eviction-rate", 0...1000, rates.secondaryRate)
    rates.unhealthyZoneThreshold = try number("unhealthy-zone-threshold", 0...1, rates.unhealthyZoneThreshold)
    rates.largeClusterSize =
      try options.integer("large-cluster-size-threshold", in: 0...1_000_000) ?? rates.largeClusterSize
    return rates
  }

  private static func listeners(_ options: CommandLineOptions) throws -> [APIListener] {
    var listeners: [APIListener] = []
    for text in options.all("listen") {
      guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
        throw UsageError("option --listen: found \"\(text)\", expected ADDRESS:PORT")
      }
      let address = text[..<colon].filter { $0 != "[" && $0 != "]" }
      do { listeners.append(.address(try IPAddress(parsing: String(address)), port: port)) } catch {
        throw UsageError("option --listen: \(error)")
      }
    }
    if let descriptor = try options.integer("listen-fd", in: 3...1023) {
      _ = fcntl(CInt(descriptor), F_SETFD, FD_CLOEXEC)
      listeners.append(.descriptor(CInt(descriptor)))
    }
    return listeners.isEmpty ? [.address(.v4(IPv4Address(127, 0, 0, 1)), port: 6443)] : listeners
  }
}
