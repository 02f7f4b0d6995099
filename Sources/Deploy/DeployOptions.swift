package import Addressing
package import ControlPlane
package import Linux
package import NodeRouting

/// What `swiftlet deploy` is told about a cluster. The same options give the same manifests, to the byte.
package struct DeployOptions: Sendable {
  package var components: Set<DeployComponent> = Set(DeployComponent.allCases)
  package var namespace = "kube-system"
  package var image: String
  /// Ranges of the whole cluster, as its API server and controller manager know them.
  package var podRanges: [Prefix] = []
  package var serviceRanges: [Prefix] = []
  package var nodeRanges: [Prefix] = []
  /// The addresses that pods ask for names.
  package var clusterDNS: [IPAddress] = []
  package var clusterDomain = "cluster.local"
  package var upstreamDNS: [IPAddress] = []
  package var routing = RoutingMode.vxlan
  package var wiring: String?
  /// The text of the operator's BGP configuration (docs/bgp.md), for `routing` bgp.
  package var bgpConfiguration: String?
  /// Where agents reach the API server without any Service; nil leaves them to the Service `kubernetes`.
  package var apiServer: HostAndPort?
  /// Controllers that the cluster does not run itself.
  package var controllers: Set<RemoteController> = []
  /// Prefix lengths of a node's part of the pod ranges.
  package var nodeMask: Int?
  package var nodeMaskIPv6: Int?
  /// Further options of the agent, `name=value` or `name`.
  package var agentOptions: [String] = []
  package var dnsReplicas = 2

  package struct HostAndPort: Hashable, Sendable {
    package var host: String
    package var port: UInt16
  }

  package static let options: [CommandLineOptions.Option] = [
    .init(
      "only", "PART",
      "\(DeployComponent.allCases.map(\.rawValue).joined(separator: ", ")); more than once, or with commas (all)"),
    .init("namespace", "NAME", letter: "n", "where everything goes (kube-system)"),
    .init("image", "NAME", "the image of all containers (swiftlet:VERSION)"),
    .init("pod-range", "PREFIX", "addresses of all pods; once a family"),
    .init("service-range", "PREFIX", "addresses of all Services; once a family"),
    .init("node-range", "PREFIX", "addresses of the nodes; once a family"),
    .init("api-server", "HOST:PORT", "where agents reach the API without a Service; needed in place of kube-proxy"),
    .init("cluster-dns", "ADDRESS", "where pods ask for names: the kubelets' clusterDNS; once a family"),
    .init("cluster-domain", "DOMAIN", "the zone of Services (cluster.local)"),
    .init("upstream-dns", "ADDRESS", "resolver for names outside the cluster (those of the node's /etc/resolv.conf)"),
    .init("dns-replicas", "N", "how many name servers stand behind the nodes' own (2)"),
    .init("routing", "MODE", "how pods reach those of other nodes (vxlan)"),
    .init("wiring", "MODE", "how pods are connected: bridge, bridge-shared or routed (bridge)"),
    .init("bgp-config", "FILE", "for --routing bgp: peers, reflectors and announcements (docs/bgp.md)"),
    .init(
      "controller", "NAME",
      "one that the cluster lacks: \(RemoteController.allCases.map(\.rawValue).joined(separator: ", ")); more than once"
    ),
    .init("node-mask", "LENGTH", "for the controller of node ranges: a node's part of the IPv4 pod range (24)"),
    .init("node-mask-ipv6", "LENGTH", "the same for IPv6 (64)"),
    .init("agent-option", "NAME=VALUE", "a further option of the agent; more than once"),
  ]

  /// - Parameter version: of the image, where none is named.
  package init(_ options: CommandLineOptions, version: String) throws(UsageError) {
    image = options["image"] ?? "swiftlet:\(version)"
    let parts = options.all("only").flatMap { $0.split(separator: ",") }
    if !parts.isEmpty { components = [] }
    for part in parts {
      guard let component = DeployComponent(rawValue: String(part)) else {
        throw UsageError(
          "option --only: there is no part \"\(part)\"; known are "
            + DeployComponent.allCases.map(\.rawValue).joined(separator: ", "))
      }
      components.insert(component)
    }
    namespace = options["namespace"] ?? namespace
    podRanges = try Self.all("pod-range", options) { try Prefix(parsing: $0) }
    serviceRanges = try Self.all("service-range", options) { try Prefix(parsing: $0) }
    nodeRanges = try Self.all("node-range", options) { try Prefix(parsing: $0) }
    clusterDNS = try Self.all("cluster-dns", options) { try IPAddress(parsing: $0) }
    upstreamDNS = try Self.all("upstream-dns", options) { try IPAddress(parsing: $0) }
    clusterDomain = options["cluster-domain"] ?? clusterDomain
    dnsReplicas = try options.integer("dns-replicas", in: 1...100) ?? dnsReplicas
    if let text = options["routing"] {
      guard let mode = RoutingMode(rawValue: text) else {
        throw UsageError(
          "option --routing: there is no mode \(text); known are "
            + RoutingMode.allCases.map(\.rawValue).joined(separator: ", "))
      }
      routing = mode
    }
    wiring = options["wiring"]
    bgpConfiguration = try options.parsed("bgp-config") { try Files.readText($0) }
    apiServer = try options.parsed("api-server") { try HostAndPort(parsing: $0) }
    for name in options.all("controller").flatMap({ $0.split(separator: ",") }) {
      guard let controller = RemoteController(rawValue: String(name)) else {
        throw UsageError(
          "option --controller: there is no controller \(name); known are "
            + RemoteController.allCases.map(\.rawValue).joined(separator: ", "))
      }
      controllers.insert(controller)
    }
    nodeMask = try options.integer("node-mask", in: 1...30)
    nodeMaskIPv6 = try options.integer("node-mask-ipv6", in: 1...126)
    agentOptions = options.all("agent-option")
    if let fault { throw UsageError(fault) }
  }

  /// What would not work; nil if nothing is known to.
  private var fault: String? {
    if needsAgent || components.contains(.ingress) {
      if podRanges.isEmpty { return "option --pod-range is missing: it is the cluster's --cluster-cidr" }
      if serviceRanges.isEmpty {
        return "option --service-range is missing: it is the API server's --service-cluster-ip-range"
      }
    }
    if components.contains(.services), apiServer == nil {
      return
        "option --api-server is missing: agents that make the Services themselves cannot reach the API server through the "
        + "Service `kubernetes`; give an address of the control plane, or of the load balancer before it"
    }
    if components.contains(.dns), clusterDNS.isEmpty {
      return "option --cluster-dns is missing: it is clusterDNS of the kubelets' configuration"
    }
    if bgpConfiguration != nil, routing != .bgp {
      return "option --bgp-config: it is for --routing bgp, found \(routing.rawValue)"
    }
    if controllers.contains(.nodeRanges), podRanges.isEmpty {
      return "option --pod-range is missing: the controller node-ranges gives the nodes parts of it"
    }
    return nil
  }

  private static func all<Value>(
    _ name: String, _ options: CommandLineOptions, _ parse: (String) throws -> Value
  ) throws(UsageError) -> [Value] {
    var values: [Value] = []
    for text in options.all(name) {
      do { values.append(try parse(text)) } catch { throw UsageError("option --\(name): \(error)") }
    }
    return values
  }

  /// The planes of every node's agent.
  package var planes: Set<String> { Set(components.flatMap(\.planes)) }
  package var needsAgent: Bool { !planes.isEmpty }
}

extension DeployOptions.HostAndPort {
  package init(parsing text: String) throws(UsageError) {
    let hint = UsageError("found \"\(text)\", expected HOST:PORT, such as 192.0.2.10:6443 or [2001:db8::10]:6443")
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      throw hint
    }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      throw hint
    }
    if host.isEmpty || host.contains("/") { throw hint }
    self.init(host: host, port: port)
  }
}
