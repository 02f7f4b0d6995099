internal import Addressing
internal import ClusterModel

/// What one port of a Service in one family is in rules: its own chains in table nat, and rules in the chains that lead to
/// them. The structure and the names are kube-proxy's.
struct IPTablesPort {
  /// What tells one port from another: the comment begins with the Service's namespace and name.
  struct Key: Hashable, Comparable {
    let family: IPFamily
    let transport: TransportProtocol
    let comment: String

    init(_ key: FrontendKey, _ frontend: ServiceState.Frontend) {
      family = key.address.family
      transport = key.transport
      comment = frontend.comment
    }

    static func < (left: Self, right: Self) -> Bool {
      (left.comment, left.transport, left.family) < (right.comment, right.transport, right.family)
    }
  }

  var chains: [String: [String]] = [:]
  var rules: [IPTablesLayout.Dispatch: [String]] = [:]

  private let key: Key
  private let layout: IPTablesLayout
  /// The comment without anything that would end a quoted word of restore input.
  private let title: String

  init(_ key: Key, _ frontends: [(key: FrontendKey, value: ServiceState.Frontend)], _ layout: IPTablesLayout) {
    self.key = key
    self.layout = layout
    title = Self.printable(key.comment)
    var choices: [Bool: TargetChoice] = [:]
    for (_, frontend) in frontends {
      choices[frontend.inside.isLocal] = frontend.inside
      if let outside = frontend.outside { choices[outside.isLocal] = outside }
    }
    for (isLocal, choice) in choices where !choice.targets.isEmpty {
      chains[isLocal ? name("SVL") : name("SVC")] = []
    }
    // Where the address of the Service itself is asked for, whoever is not one of this node's pods is masqueraded.
    for (address, frontend) in frontends where frontend.role == .cluster { addCluster(address, frontend) }
    for (address, frontend) in frontends where frontend.role != .cluster { addOuter(address, frontend) }
    let timeout = frontends.first?.value.affinityTimeout
    for (isLocal, choice) in choices where !choice.targets.isEmpty {
      chains[isLocal ? name("SVL") : name("SVC"), default: []] += balance(choice.targets.sorted(), timeout)
    }
  }

  /// Its rules in a table.
  func ruleCount(_ table: IPTablesTable) -> Int {
    rules.reduce(table == .nat ? chains.values.reduce(0) { $0 + $1.count } : 0) {
      $1.key.table == table ? $0 + $1.value.count : $0
    }
  }

  private func name(_ kind: String) -> String {
    "KUBE-\(kind)-" + SHA256.label(key.comment + key.transport.rawValue.lowercasedASCII)
  }

  private static func printable(_ text: String) -> String {
    String(
      decoding: text.utf8.prefix(200).map { byte in
        let isPlain = byte >= 0x61 && byte <= 0x7A || byte >= 0x41 && byte <= 0x5A || byte >= 0x2D && byte <= 0x3A
        return isPlain ? byte : UInt8(ascii: "_")
      }, as: UTF8.self)
  }

  private func comment(_ text: String) -> String { "-m comment --comment \"\(title)\(text)\"" }
  private var transport: String { key.transport.rawValue.lowercasedASCII }

  /// `-d ADDRESS -p tcp -m comment … -m tcp --dport PORT`, or of a NodePort without the address.
  private func match(_ address: FrontendKey, _ text: String, local: Bool = false) -> String {
    (address.isNodePort ? "" : "-d \(Prefix(host: address.address)) ") + "-p \(transport) \(comment(text)) "
      + (local ? "-m addrtype --dst-type LOCAL " : "") + "-m \(transport) --dport \(address.port)"
  }

  private mutating func addCluster(_ address: FrontendKey, _ frontend: ServiceState.Frontend) {
    let choice = frontend.inside
    if choice.targets.isEmpty {
      rules[.filterServices, default: []].append(refuse(address, choice.withoutTargets, ""))
      return
    }
    let chain = choice.isLocal ? name("SVL") : name("SVC")
    let match = match(address, " cluster IP")
    rules[.services, default: []].append("\(match) -j \(chain)")
    chains[chain, default: []].append(layout.masquerade(match))
  }

  private func refuse(
    _ address: FrontendKey, _ verdict: TargetChoice.WithoutTargets, _ place: String
  ) -> String {
    let text = match(
      address, verdict == .reject ? " has no endpoints" : " has no local endpoints", local: address.isNodePort)
    let unreachable = key.family == .v4 ? "icmp-port-unreachable" : "icmp6-port-unreachable"
    if verdict == .drop { return text + " -j DROP" }
    return text + " -j REJECT --reject-with \(key.transport == .tcp ? "tcp-reset" : unreachable)"
  }

  /// NodePorts, external and load balancer addresses lead to one chain, which decides by where a client is.
  private mutating func addOuter(_ address: FrontendKey, _ frontend: ServiceState.Frontend) {
    if frontend.inside.targets.isEmpty, frontend.outside?.targets.isEmpty ?? true {
      rules[.external, default: []].append(refuse(address, frontend.inside.withoutTargets, ""))
      return
    }
    let external = name("EXT")
    chains[external] = externalChain(frontend)
    if address.isNodePort {
      rules[.nodePorts, default: []].append("\(match(address, "")) -j \(external)")
    } else {
      let kind = frontend.role == .balancer ? " loadbalancer IP" : " external IP"
      var destination = external
      if let ranges = frontend.sourceRanges {
        destination = name("FW")
        let rules = ranges.map { "-s \($0) \(comment(" loadbalancer IP")) -j \(external)" }
        let known = chains[destination] ?? []
        chains[destination] = known + rules.filter { !known.contains($0) }
        self.rules[.firewall, default: []].append(
          "\(match(address, " traffic not accepted by \(destination)")) -j DROP")
      }
      rules[.services, default: []].append("\(match(address, kind)) -j \(destination)")
    }
    if let outside = frontend.outside, outside.targets.isEmpty {
      rules[.external, default: []].append(refuse(address, outside.withoutTargets, ""))
    }
  }

  private func externalChain(_ frontend: ServiceState.Frontend) -> [String] {
    let cluster = name("SVC")
    guard let outside = frontend.outside else {
      return [
        layout.masquerade(comment(" external destinations, masquerade")),
        "\(comment(" external destinations")) -j \(cluster)",
      ]
    }
    var rules = layout.localPodRanges.map { "-s \($0) \(comment(" external destinations, from a pod")) -j \(cluster)" }
    let node = "\(comment(" external destinations, from the node")) -m addrtype --src-type LOCAL"
    rules += ["\(node) -j KUBE-MARK-MASQ", "\(node) -j \(cluster)"]
    if !outside.targets.isEmpty { rules.append("\(comment(" external destinations")) -j \(name("SVL"))") }
    return rules
  }

  /// One rule an endpoint, each taking its equal share of what comes so far; with affinity first those who had it.
  private mutating func balance(_ targets: [Target], _ timeout: Int?) -> [String] {
    let mask = key.family == .v4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    var (remembered, chosen): ([String], [String]) = ([], [])
    for (index, target) in targets.enumerated() {
      let place =
        target.address.family == .v4 ? "\(target.address):\(target.port)" : "[\(target.address)]:\(target.port)"
      let chain = "KUBE-SEP-" + SHA256.label(key.comment + transport + place)
      let arrow = comment(" -> \(place)")
      var learn = ""
      if let timeout {
        let list = "--name \(chain) --mask \(mask) --rsource"
        remembered.append("\(arrow) -m recent --rcheck --seconds \(timeout) --reap \(list) -j \(chain)")
        learn = "-m recent --set \(list) "
      }
      let left = targets.count - index
      let share = left > 1 ? "-m statistic --mode random --probability \(Self.probability(left)) " : ""
      chosen.append("\(arrow) \(share)-j \(chain)")
      chains[chain] = [
        "-s \(Prefix(host: target.address)) \(comment("")) -j KUBE-MARK-MASQ",
        "-p \(transport) \(comment("")) \(learn)-m \(transport) -j DNAT --to-destination \(place)",
      ]
    }
    return remembered + chosen
  }

  /// 1/n as the kernel keeps it (31 bits) and iptables prints it (11 digits).
  static func probability(_ count: Int) -> String {
    let one = UInt128(1) << 31
    let share = (one + UInt128(count) / 2) / UInt128(count)
    let digits = String((share * 100_000_000_000 + one / 2) >> 31)
    return "0." + String(repeating: "0", count: 11 - digits.count) + digits
  }
}

extension String {
  /// For words of protocols; ASCII alone.
  var lowercasedASCII: String {
    String(decoding: utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
  }
}
