package import Addressing
internal import CLinux
internal import Glibc
package import Linux
package import Netlink

/// Connects one pod with its node: a veth into the pod's namespace whose other end is a port of the bridge, or has a route.
package struct PodWiring {
  package typealias Attachment = NetworkConfiguration.Attachment

  package let configuration: NetworkConfiguration
  let host: RouteSocket
  let bridge: NodeBridge
  /// The node's namespace; nil is the caller's own.
  let node: NetworkNamespace?

  /// - Parameter node: the node's namespace; nil is the caller's own.
  package init(_ configuration: NetworkConfiguration, node: NetworkNamespace? = nil) throws {
    self.configuration = configuration
    self.node = node
    host = try RouteSocket(namespace: node)
    bridge = NodeBridge(configuration.bridge, routes: host, namespace: node)
  }

  /// Makes and configures both ends. On failure nothing of the pod's is left.
  package func connect(
    _ attachment: Attachment, addresses: [IPAddress], pod: NetworkNamespace, podRoutes: RouteSocket, sandbox: String
  ) throws -> CNIResult {
    let plan = PodPlan(configuration, attachment, addresses: addresses)
    let name = attachment.interfaceName
    let bridgeLink = try bridge.ensure(configuration)
    let hostName = try addLink(plan, bridge: bridgeLink.index, pod: pod)
    do {
      // Before the pod's end is up, so that nothing leaves it unchecked.
      if configuration.preventsSpoofing {
        try protect(.init(port: hostName, attachment: attachment, macs: [plan.mac], addresses: addresses))
      }
      guard let inside = try podRoutes.link(.name(name)), let outside = inside.peer else {
        throw CNIError(.wiring, "interface \(name) vanished from \(sandbox) while it was being set up")
      }
      if plan.hasIPv6 { try setSysctls(name, pod: pod) }
      try podRoutes.perform(plan.podRequests(interface: inside.index))
      try host.perform(plan.hostRequests(interface: outside, bridge: bridgeLink.index))
      return plan.result(
        bridge: bridgeLink, hostName: hostName, inside: inside, sandbox: sandbox, dns: configuration.dns)
    } catch {
      try? host.perform(.deleteLink(.name(hostName)))
      _ = try? unprotect([.init(port: hostName, attachment: attachment, macs: [plan.mac], addresses: addresses)])
      throw error
    }
  }

  /// Takes a pod's link away, and with it what the node remembers of the pod: neighbours, tracked connections, and what it
  /// was allowed to send. Nothing there is success. The pod's namespace is not needed: the end inside goes with ours. To be
  /// called before the addresses are given back.
  ///
  /// - Parameters:
  ///   - addresses: what the pod holds.
  ///   - macs: Ethernet addresses it had beside the one that follows from its addresses.
  package func disconnect(_ attachment: Attachment, addresses: [IPAddress], macs: [MACAddress] = []) throws {
    let link = try hostLink(of: attachment)
    // Without a link its name may be another pod's meanwhile.
    let name = link?.name ?? PodLink.hostName(attachment)
    let isNameOurs = try link != nil || host.link(.name(name)) == nil
    if let link {
      // Down, it sends no more, and may lose what it was allowed to send. The kernel lets go of that after a grace period,
      // while the removal of the link waits for grace periods of its own.
      try host.perform(.setLink(.index(link.index), .init(isUp: false)).accepting(ENODEV))
    }
    var rules: NFTablesSocket?
    if isNameOurs {
      rules = try unprotect([
        .init(
          port: name, attachment: attachment, macs: Set(macs + addresses.map(PodLink.mac(for:))).sorted(),
          addresses: addresses)
      ])
    }
    if let link { try host.perform(.deleteLink(.index(link.index)).accepting(ENODEV)) }
    try forget(addresses)
    // Closing it is what waits for that grace period, which is over by now.
    withExtendedLifetime(rules) {}
  }

  /// Takes away the links of all attachments that are not in the list, and those of an ADD that was killed before it had
  /// said whose they are.
  package func disconnect(allBut valid: Set<Attachment>) throws {
    let stale = try host.links(kind: "veth").filter { link in
      guard let alias = link.alias else { return PodLink.isHostName(link.name) && PodLink.isHostMAC(link.mac) }
      return PodLink.attachment(alias: alias).map { !valid.contains($0) } ?? false
    }
    .filter { try isOurs($0) }
    try host.perform(stale.map { .deleteLink(.index($0.index)).accepting(ENODEV) })
  }

  /// Whether a pod's link belongs to this network, which several may share a node with: by its bridge, or by being routed.
  private func isOurs(_ link: Link) throws -> Bool {
    guard let master = link.master else { return configuration.wiring == .routed }
    return try bridge.link()?.index == master
  }

  /// Removes neighbours and tracked connections of addresses that nobody has any more.
  package func forget(_ addresses: [IPAddress]) throws {
    if addresses.isEmpty { return }
    if let index = try bridge.link()?.index {
      try host.perform(
        addresses.map { .deleteNeighbour(Neighbour(interface: index, $0, mac: nil)).accepting(ENOENT, EINVAL) })
    }
    try forgetConnections(of: addresses)
    // The last pod of a range that the node no longer has takes the range's gateway along.
    let ranges = configuration.rangeSets
    if !ranges.isEmpty, addresses.contains(where: { address in !ranges.contains { $0.range(of: address) != nil } }) {
      try bridge.removeStaleGateways(keeping: configuration)
    }
  }

  /// The host's end of an attachment.
  func hostLink(of attachment: Attachment) throws -> Link? {
    for attempt in 0..<PodLink.attempts {
      guard let link = try host.link(.name(PodLink.hostName(attachment, attempt: attempt))) else { return nil }
      if PodLink.isAlias(link.alias, of: attachment) { return link }
    }
    return nil
  }

  private func addLink(_ plan: PodPlan, bridge: Int32, pod: NetworkNamespace) throws -> String {
    var attempt = 0
    while true {
      let name = PodLink.hostName(plan.attachment, attempt: attempt)
      do {
        try host.perform([
          .addLink(
            .veth(peer: .init(name: plan.attachment.interfaceName, mac: plan.mac, mtu: plan.mtu), in: pod),
            .init(name: name, mac: plan.hostMAC, mtu: plan.mtu, master: plan.mode.isBridged ? bridge : nil)),
          // A port needs no address, and the gateway has its own; what the kernel would choose is tentative for a second.
          // Links without IPv6 (an MTU below 1280, a kernel without it) refuse, and would get none anyway.
          .withoutLinkLocalAddress(.name(name)).accepting(EAFNOSUPPORT, EOPNOTSUPP),
          .setLink(.name(name), .init(isUp: true)),
        ])
        return name
      } catch let error as NetlinkError where error.code == EEXIST && attempt < PodLink.attempts {
        // Either an earlier ADD of this very attachment left it, or another container's has the same name.
        if let link = try host.link(.name(name)), PodLink.isAlias(link.alias, of: plan.attachment) {
          try host.perform(.deleteLink(.index(link.index)).accepting(ENODEV))
        } else {
          attempt += 1
        }
      }
    }
  }

  /// Router advertisements of other pods are no business of this one's, and its addresses are usable at once. A redirect
  /// (RFC 4861, section 8) would have it answer a pod of its node directly, past the translation of a Service's address; the
  /// node cannot be told to send none.
  private func setSysctls(_ name: String, pod: NetworkNamespace) throws {
    for (setting, value) in [("disable_ipv6", "0"), ("accept_ra", "0"), ("accept_dad", "0"), ("accept_redirects", "0")]
    {
      try Sysctl.write("net/ipv6/conf/\(name)/\(setting)", value, in: pod)
    }
  }
}
