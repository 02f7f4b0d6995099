package import Addressing
package import Diagnosis
package import Linux
package import NodeRouting

/// What `swiftlet lab up` is told.
package struct LabUpOptions: Hashable, Sendable {
  /// Files, directories and `-`, in the order they were given.
  package var paths: [String] = []
  package var ranges: RangePlan
  package var nodes = 3
  package var routing = RoutingMode.vxlan
  package var wiring = "bridge"
  package var underlay = Underlay.flat
  package var servicesBackend = "nftables"
  /// The port on 127.0.0.1; nil lets us take 6443 or, if that is in use, another.
  package var apiPort: Int?
  /// Seconds to wait for every pod to be ready.
  package var timeout = 300
  package var runsChecks = true

  /// The values of `--family`, and the families they mean, the primary one first.
  private static let families: [(String, [IPFamily])] = [
    ("4", [.v4]), ("6", [.v6]), ("46", [.v4, .v6]), ("64", [.v6, .v4]),
  ]
  /// Ranges where none are given. The IPv6 ones are unique local addresses (RFC 4193) with a fixed part instead of a
  /// random one: they never leave the lab.
  private static let standard: [PlannedRange.Role: [IPFamily: String]] = [
    .node: [.v4: "192.168.77.0/24", .v6: "fd00:192:168:77::/64"],
    .pod: [.v4: "10.244.0.0/16", .v6: "fd00:10:244::/56"],
    .service: [.v4: "10.96.0.0/16", .v6: "fd00:10:96::/112"],
  ]

  static let known: [CommandLineOptions.Option] = [
    .init("filename", "PATH", letter: "f", "manifests: a file, a directory, or - for standard input; may be repeated"),
    .init("nodes", "N", "nodes that run pods, 1 to 100 (3)"),
    .init("routing", "MODE", "between nodes: \(RoutingMode.allCases.map(\.rawValue).joined(separator: ", ")) (vxlan)"),
    .init("wiring", "MODE", "on a node: \(LabConfiguration.wirings.joined(separator: ", ")) (bridge)"),
    .init(
      "services-backend", "BACKEND",
      "Services by \(LabConfiguration.servicesBackends.joined(separator: ", ")) (nftables)"),
    .init("family", "4|6|46|64", "IPv4, IPv6 or both, the primary one first (4, or what the ranges are)"),
    .init("underlay", "flat|routed", "nodes in one subnet, or every second one behind a router (flat)"),
    .init("node-range", "CIDR", "addresses of the nodes; once a family (192.168.77.0/24, fd00:192:168:77::/64)"),
    .init(
      "pod-range", "CIDR", "addresses of the pods, a /24 or /64 a node; once a family (10.244.0.0/16, fd00:10:244::/56)"
    ),
    .init("service-range", "CIDR", "addresses of the Services; once a family (10.96.0.0/16, fd00:10:96::/112)"),
    .init("api-port", "PORT", "port of the API on 127.0.0.1 (6443, or another if that is in use)"),
    .init("timeout", "SECONDS", "how long to wait for every pod to be ready (300)"),
    .init("skip-checks", nil, "do not run the checks at the end"),
  ]

  package static let usage = """
    usage: swiftlet lab up [OPTION]… [PATH]…
    Stands a cluster's network up on this machine: a control plane and nodes in network namespaces, and the manifests'
    pods on them. PATH is a file, a directory or - like that of -f.

    \(CommandLineOptions.help(known))
    """

  package init(_ arguments: [String]) throws {
    let given = try CommandLineOptions(arguments, known: Self.known)
    if given.rest != nil { throw UsageError("lab up takes no command after --") }
    paths = given.all("filename") + given.operands
    nodes = try given.integer("nodes", in: 1...100) ?? 3
    routing = try Self.mode(given["routing"])
    underlay =
      try Self.choice(given, "underlay", Underlay.allCases.map(\.rawValue)).flatMap { Underlay(rawValue: $0) } ?? .flat
    wiring = try Self.choice(given, "wiring", LabConfiguration.wirings) ?? "bridge"
    servicesBackend = try Self.choice(given, "services-backend", LabConfiguration.servicesBackends) ?? "nftables"
    apiPort = try given.integer("api-port", in: 1...65535)
    timeout = try given.integer("timeout", in: 1...86400) ?? 300
    runsChecks = !given.has("skip-checks")

    let roles: [(PlannedRange.Role, String)] = [
      (.node, "node-range"), (.pod, "pod-range"), (.service, "service-range"),
    ]
    var asked: [PlannedRange.Role: [PlannedRange]] = [:]
    for (role, option) in roles {
      asked[role] = try given.all(option).map { try PlannedRange(role, parsing: $0, from: "--\(option)") }
    }
    // Without --family the ranges say it, those of the role that names most.
    let named = asked.values.max { $0.count < $1.count }?.map(\.prefix.family) ?? []
    let chosen = try Self.choice(given, "family", Self.families.map(\.0))
    let families = Self.families.first { $0.0 == chosen }?.1 ?? (named.isEmpty ? [.v4] : named)
    func ranges(_ role: PlannedRange.Role) -> [PlannedRange] {
      let given = asked[role] ?? []
      let missing = families.filter { family in !given.contains { $0.prefix.family == family } }
      let all = given + missing.map { PlannedRange(role, Prefix(Self.standard[role]![$0]!)!, from: "the default") }
      // In the order of the families; one too many comes last, and the plan says so.
      return families.flatMap { family in all.filter { $0.prefix.family == family } }
        + all.filter { range in !families.contains { $0 == range.prefix.family } }
    }
    self.ranges = try LabConfiguration.plan(
      nodes: ranges(.node), pods: ranges(.pod), services: ranges(.service),
      members: LabConfiguration.members(nodes, routing), underlay)
    try Self.check(routing, underlay, families)
  }

  /// Reads the name of a mode.
  package static func mode(_ text: String?) throws(UsageError) -> RoutingMode {
    guard let text else { return .vxlan }
    guard let mode = RoutingMode(rawValue: text) else {
      throw UsageError(
        "option --routing: found \"\(text)\", expected one of "
          + RoutingMode.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return mode
  }

  private static func choice(
    _ given: CommandLineOptions, _ name: String, _ known: [String]
  ) throws(UsageError) -> String? {
    guard let text = given[name] else { return nil }
    guard known.contains(text) else {
      throw UsageError("option --\(name): found \"\(text)\", expected one of \(known.joined(separator: ", "))")
    }
    return text
  }

  /// Refuses a mode of routing that cannot work on this underlay or with these families, whatever the kernel.
  package static func check(_ routing: RoutingMode, _ underlay: Underlay, _ families: [IPFamily]) throws(LabError) {
    switch routing {
    case .hostGateway where underlay == .routed:
      throw LabError(
        "host-gw sends pods' packets straight to nodes of its own subnet, and --underlay routed puts every second node "
          + "behind a router, which knows no pods",
        remedy: "choose --routing cross-subnet (direct inside a subnet, VXLAN across) or vxlan, or --underlay flat")
    case .bgp where underlay == .routed:
      throw LabError(
        "bgp without encapsulation needs every router between the nodes to speak it, and the lab's router does not",
        remedy: "choose --routing cross-subnet or vxlan, or --underlay flat")
    case .ipip where families.contains { $0 == .v6 }, .ipipCrossSubnet where families.contains { $0 == .v6 }:
      throw LabError(
        "\(routing.rawValue) carries IPv4 alone (RFC 2003), and the lab has IPv6",
        remedy: "choose --family 4, or --routing \(routing == .ipip ? "vxlan" : "cross-subnet")")
    default: break
    }
  }
}
