package import Addressing
internal import Glibc
package import Linux
package import NodeRouting
package import PodNetwork
package import ServiceProxy

/// What one agent is told on its command line. Everything else it learns from the API.
package struct AgentConfiguration: Sendable {
  /// nil: as `KubeConfig.standard` finds it; in a pod that is its service account.
  package var kubeconfig: String?
  /// The program's version, for status.
  package var version = "unknown"
  /// The Node object that is this machine.
  package var nodeName: String
  /// Ranges of the whole cluster; one a family.
  package var podRanges: [Prefix] = []
  package var serviceRanges: [Prefix] = []
  package var nodeRanges: [Prefix] = []
  /// Where runtimes look for CNI configuration and plugins, and where leases are kept.
  package var cniConfigurationDirectory = "/etc/cni/net.d"
  package var cniDataDirectory = "/var/lib/cni/networks"
  /// Files of the agent's own: HAProxy's configuration and socket.
  package var stateDirectory = "/run/swiftlet"
  /// How pods' packets come from node to node.
  package var routing = RoutingMode.vxlan
  package var kernelRouting = KernelRouting.Configuration()
  /// UDP port of WireGuard.
  package var wireguardPort = WireGuardAnnouncement.defaultPort
  /// Seconds for which a WireGuard key is used; nil for good.
  package var wireguardRotation: Int64?
  /// The operator's BGP configuration, and the nodes' autonomous system where it does not say one.
  package var bgpConfigurationFile: String?
  package var bgpAS = ASNumber.usual
  /// flannel's environment file, for a node whose CNI plugin is flannel's; nil writes none.
  package var subnetEnvironmentFile: String?
  /// What of flannel's configuration is not honoured.
  package var routingNotices: [String] = []
  /// How pods are connected with the node.
  package var wiring = WiringMode.bridge
  package var clusterDNS: [IPAddress] = []
  package var clusterDomain = "cluster.local"
  /// Resolvers for everything outside the cluster; empty means those of /etc/resolv.conf.
  package var upstreamDNS: [IPAddress] = []
  /// How the node's name server answers.
  package var dns = DNSOptions()
  /// Ranges within which the node's own addresses serve NodePorts; nil for its InternalIPs.
  package var nodePortRanges: [Prefix]?
  /// Seconds after which another node announces the load balancer addresses of one that is gone.
  package var announcementLease = 10.0
  /// Where the Leases of announced addresses are.
  package var announcementNamespace = "swiftlet-leases"
  /// This node also runs the Ingress gateway.
  package var isGateway = false
  /// The gateway says on its own Node that it serves, and leaves the statuses of Ingresses to a controller.
  package var gatewayTellsNode = false
  /// Planes switched off by name.
  package var disabledPlanes: Set<String> = []
  /// How Services are held in the kernel.
  package var servicesBackend = ServiceBackendKind.nftables

  /// Where liveness and readiness are told over HTTP; nil: nowhere.
  package var health: AddressAndPort?

  /// Every plane there is, by name.
  package static let planes = [
    "routing", "wiring", "leases", "services", "announcing", "policy", "dns", "gateway",
  ]

  package static let options = ownOptions + DNSOptions.options

  private static let ownOptions: [CommandLineOptions.Option] = [
    .init("config", "FILE", "options from a file, YAML or JSON: names as here, lists for those given more than once"),
    .init("kubeconfig", "FILE", "how to reach the API server (KUBECONFIG, or in a pod its service account)"),
    .init("node-name", "NAME", "the Node object that is this machine (NODE_NAME of the environment)"),
    .init("pod-range", "PREFIX", "addresses of all pods; once a family"),
    .init("service-range", "PREFIX", "addresses of all Services; once a family"),
    .init("node-range", "PREFIX", "addresses of the nodes; once a family"),
    .init("cni-conf-dir", "DIR", "where the runtime looks for CNI configuration (/etc/cni/net.d)"),
    .init("data-dir", "DIR", "where leases are kept (/var/lib/cni/networks)"),
    .init("state-dir", "DIR", "files of the agent's own (/run/swiftlet)"),
    .init(
      "routing", "MODE",
      "how pods reach those of other nodes: \(RoutingMode.allCases.map(\.rawValue).joined(separator: ", ")) (vxlan)"),
    .init("net-conf", "FILE", "take mode, VNI, port, MTU and pod ranges from flannel's net-conf.json"),
    .init(
      "subnet-env", "FILE",
      "write flannel's environment for its CNI plugin (\(FlannelEnvironment.defaultPath) with --net-conf, else none)"),
    .init("wiring", "MODE", "how pods are connected: bridge, bridge-shared or routed (bridge)"),
    .init("wireguard-port", "PORT", "UDP port of --routing wireguard (\(WireGuardAnnouncement.defaultPort))"),
    .init("wireguard-rotate", "INTERVAL", "make a new WireGuard key this often, such as 24h or 7d (never)"),
    .init("bgp-config", "FILE", "peers, reflectors and announcements of --routing bgp, YAML or JSON (docs/bgp.md)"),
    .init("bgp-as", "NUMBER", "the nodes' autonomous system where --bgp-config does not say one (64512)"),
    .init("cluster-dns", "ADDRESS", "where pods ask for names; once a family"),
    .init("cluster-domain", "DOMAIN", "the zone of Services (cluster.local)"),
    .init("upstream-dns", "ADDRESS", "resolver for names outside the cluster (those of /etc/resolv.conf)"),
    .init(
      "nodeport-addresses", "PREFIX", "serve NodePorts at the node's addresses in this range (its InternalIPs alone)"),
    .init(
      "announce-lease", "SECONDS", "how long load balancer addresses stay with a node that is gone, 2 to 300 (10)"),
    .init("announce-namespace", "NAMESPACE", "where nodes agree on who announces them (swiftlet-leases)"),
    .init("gateway", nil, "run the Ingress gateway on this node"),
    .init(
      "gateway-tells", "WHOM",
      "ingress: write its address into the status of each Ingress; node: annotate its own Node, for `swiftlet server` to do "
        + "so (ingress)"),
    .init(
      "services-backend", "BACKEND", "Services by nftables, iptables, iptables-nft, iptables-legacy, ipvs (nftables)"),
    .init(
      "ipvs-scheduler", "NAME",
      "of --services-backend ipvs: \(IPVSScheduler.allCases.map(\.rawValue).joined(separator: ", ")) (rr)"),
    .init("without", "PLANE", "leave a plane out: \(planes.joined(separator: ", "))"),
    .init("only", "PLANE", "leave all planes out but this one; `--only services` replaces kube-proxy"),
    .init("health", "ADDRESS:PORT", "answer /livez and /readyz there (nowhere)"),
  ]

  package init(_ options: CommandLineOptions) throws(UsageError) {
    kubeconfig = options["kubeconfig"]
    if let name = options["node-name"] ?? getenv("NODE_NAME").map({ String(cString: $0) }), !name.isEmpty {
      nodeName = name
    } else {
      throw UsageError("option --node-name is missing, and NODE_NAME is not set")
    }
    podRanges = try Self.prefixes("pod-range", options)
    serviceRanges = try Self.prefixes("service-range", options)
    nodeRanges = try Self.prefixes("node-range", options)
    cniConfigurationDirectory = options["cni-conf-dir"] ?? cniConfigurationDirectory
    cniDataDirectory = options["data-dir"] ?? cniDataDirectory
    stateDirectory = options["state-dir"] ?? stateDirectory
    try readRouting(options)
    if let mode = options["wiring"] {
      guard let wiring = WiringMode(rawValue: mode) else {
        let known = WiringMode.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError("option --wiring: there is no wiring \(mode); known are \(known)")
      }
      self.wiring = wiring
    }
    try readWireGuard(options)
    clusterDNS = try Self.addresses("cluster-dns", options)
    clusterDomain = options["cluster-domain"] ?? clusterDomain
    upstreamDNS = try Self.addresses("upstream-dns", options)
    dns = try DNSOptions(options)
    let nodePortRanges = try Self.prefixes("nodeport-addresses", options)
    self.nodePortRanges = nodePortRanges.isEmpty ? nil : nodePortRanges
    announcementLease = Double(try options.integer("announce-lease", in: 2...300) ?? 10)
    announcementNamespace = options["announce-namespace"] ?? announcementNamespace
    isGateway = options.has("gateway")
    switch options["gateway-tells"] {
    case nil, "ingress": break
    case "node": gatewayTellsNode = true
    case let other?: throw UsageError("option --gateway-tells: found \"\(other)\", expected ingress or node")
    }
    try readServices(options)
    health = try options.parsed("health") { try AddressAndPort(parsing: $0) }
    if podRanges.isEmpty { throw UsageError("option --pod-range is missing") }
    if serviceRanges.isEmpty { throw UsageError("option --service-range is missing") }
  }

  private static func prefixes(_ name: String, _ options: CommandLineOptions) throws(UsageError) -> [Prefix] {
    var prefixes: [Prefix] = []
    for text in options.all(name) {
      do { prefixes.append(try Prefix(parsing: text)) } catch { throw UsageError("option --\(name): \(error)") }
    }
    return prefixes
  }

  private static func addresses(_ name: String, _ options: CommandLineOptions) throws(UsageError) -> [IPAddress] {
    var addresses: [IPAddress] = []
    for text in options.all(name) {
      do { addresses.append(try IPAddress(parsing: text)) } catch { throw UsageError("option --\(name): \(error)") }
    }
    return addresses
  }
}
