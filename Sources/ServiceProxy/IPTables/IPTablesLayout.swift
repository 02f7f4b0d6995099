internal import Addressing

/// Chains and rules there are whatever the cluster holds, by kube-proxy's names and in its structure, as iptables-save
/// prints them.
struct IPTablesLayout: Hashable {
  /// The mark of packets whose source is translated: kube-proxy's, bit 14.
  static let mark = "0x4000/0x4000"
  /// Chains that one transaction flushes with all others if someone flushes: where it is missing, so is the rest.
  static let canary = "KUBE-PROXY-CANARY"
  /// How to tell our rules from kube-proxy's.
  static let signature = "-m comment --comment \"by swiftlet\" -j RETURN"

  /// A chain to which each Service adds rules of its own.
  enum Dispatch: String, Hashable, CaseIterable {
    case services, nodePorts
    case filterServices, external, firewall

    var table: IPTablesTable { self == .services || self == .nodePorts ? .nat : .filter }
    var chain: String {
      switch self {
      case .services, .filterServices: "KUBE-SERVICES"
      case .nodePorts: "KUBE-NODEPORTS"
      case .external: "KUBE-EXTERNAL-SERVICES"
      case .firewall: "KUBE-PROXY-FIREWALL"
      }
    }

    init?(_ table: IPTablesTable, _ chain: String) {
      guard let found = Self.allCases.first(where: { $0.table == table && $0.chain == chain }) else { return nil }
      self = found
    }
  }

  let family: IPFamily
  let localPodRanges: [Prefix]
  let servingRanges: [Prefix]
  let serviceRanges: [Prefix]
  /// Ports at which load balancers ask for endpoints; by the Service's name.
  var healthPorts: [UInt16: String] = [:]

  init(_ family: IPFamily, _ configuration: ServiceProxyConfiguration) {
    self.family = family
    localPodRanges = configuration.localPodRanges.distinct(family)
    servingRanges = configuration.servingRanges.distinct(family)
    serviceRanges = configuration.serviceRanges.distinct(family)
  }

  private static func comment(_ text: String) -> String { "-m comment --comment \"\(text)\"" }
  private static let new = "-m conntrack --ctstate NEW"

  /// Rules that lead from the kernel's chains to ours, in order.
  static func jumps(_ table: IPTablesTable) -> [(chain: String, rules: [String])] {
    let portals = comment("kubernetes service portals") + " -j KUBE-SERVICES"
    let external = "\(new) \(comment("kubernetes externally-visible service portals")) -j KUBE-EXTERNAL-SERVICES"
    let firewall = "\(new) \(comment("kubernetes load balancer firewall")) -j KUBE-PROXY-FIREWALL"
    return switch table {
    case .nat:
      [
        ("PREROUTING", [portals]), ("OUTPUT", [portals]),
        ("POSTROUTING", [comment("kubernetes postrouting rules") + " -j KUBE-POSTROUTING"]),
      ]
    case .filter:
      [
        (
          "INPUT",
          [firewall, comment("kubernetes health check service ports") + " -j KUBE-NODEPORTS", external]
        ),
        (
          "FORWARD",
          [
            firewall, comment("kubernetes forwarding rules") + " -j KUBE-FORWARD", "\(new) \(portals)", external,
          ]
        ),
        ("OUTPUT", [firewall, "\(new) \(portals)", external]),
      ]
    }
  }

  /// The constant chains; of those that Services add to, what comes last.
  func chains(_ table: IPTablesTable) -> [String: [String]] {
    switch table {
    case .nat:
      [
        "KUBE-SERVICES": servingRanges.map {
          "-d \($0) \(Self.comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain")) "
            + "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"
        },
        "KUBE-NODEPORTS": [],
        "KUBE-MARK-MASQ": ["-j MARK --set-xmark \(Self.mark)"],
        "KUBE-POSTROUTING": [
          "-m mark ! --mark \(Self.mark) -j RETURN", "-j MARK --set-xmark 0x4000/0x0",
          Self.comment("kubernetes service traffic requiring SNAT") + " -j MASQUERADE --random-fully",
        ],
        Self.unlessLocal: localPodRanges.map { "-s \($0) -j RETURN" } + ["-j KUBE-MARK-MASQ"],
        Self.canary: [Self.signature],
      ]
    case .filter:
      [
        "KUBE-SERVICES": serviceRanges.map { "-d \($0) \(Self.comment("address of no Service")) -j DROP" },
        "KUBE-EXTERNAL-SERVICES": [],
        "KUBE-PROXY-FIREWALL": [],
        "KUBE-NODEPORTS": healthPorts.sorted { $0.key < $1.key }.map {
          "-p tcp \(Self.comment("\($0.value) health check node port")) -m tcp --dport \($0.key) -j ACCEPT"
        },
        "KUBE-FORWARD": [
          "-m conntrack --ctstate INVALID -j DROP",
          "\(Self.comment("kubernetes forwarding rules")) -m mark --mark \(Self.mark) -j ACCEPT",
          "\(Self.comment("kubernetes forwarding conntrack rule")) -m conntrack --ctstate RELATED,ESTABLISHED "
            + "-j ACCEPT",
        ],
        Self.canary: [Self.signature],
      ]
    }
  }

  /// Marks what does not come from a pod of this node; for nodes whose pods have no range, or more than one.
  static let unlessLocal = "KUBE-MARK-OUTSIDE"

  /// A rule that has the source of what does not come from this node's pods translated. `match` begins at `-d`, or is
  /// empty.
  func masquerade(_ match: String) -> String {
    let space = match.isEmpty ? "" : " "
    if localPodRanges.count == 1 { return "! -s \(localPodRanges[0]) \(match)\(space)-j KUBE-MARK-MASQ" }
    return "\(match)\(space)-j \(Self.unlessLocal)"
  }
}
