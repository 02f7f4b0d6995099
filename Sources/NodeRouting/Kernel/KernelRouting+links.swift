internal import Addressing
internal import Glibc
internal import Linux
internal import Netlink

extension KernelRouting {
  /// Finds the links that hold this node's addresses.
  func readUnderlays(_ own: RoutePeer) throws {
    ownProblems = []
    underlays = [:]
    let addresses = try socket.addresses()
    for address in own.underlay {
      guard let found = addresses.first(where: { $0.address == address }),
        let link = try socket.link(.index(found.interface))
      else {
        ownProblems.append(
          RoutingProblem(
            node: own.node,
            "no link of this machine has its address \(address), so that nothing is routed by \(address.family.name); "
              + "give the Node an InternalIP that the machine has"))
        continue
      }
      underlays[address.family] = link
    }
    if underlays.isEmpty {
      let found = own.underlay.isEmpty ? "none" : own.underlay.map(\.description).joined(separator: ", ")
      throw RoutingError(
        "no link has this node's address (\(found)); routing needs one. Give the Node an InternalIP that the machine has"
      )
    }
  }

  /// Makes links what they have to be: identity, MTU, address, sysctls. Forgets those that are gone.
  func reconcile(_ needed: Set<TunnelLink>) throws -> Int {
    var changes = 0
    for link in TunnelLink.allCases {
      if needed.contains(link) {
        unneeded[link] = nil
        changes += try reconcile(link)
      } else {
        interfaces[link] = try socket.link(.name(link.name))?.index
      }
    }
    rememberLinks()
    return changes
  }

  private func reconcile(_ link: TunnelLink) throws -> Int {
    guard let compiler, let underlay = underlays[link.underlay], let local = compiler.own.underlay(link.underlay),
      let mtu = tunnelMTU(link)
    else {
      throw RoutingError("link \(link.name) needs an \(link.underlay.name) address of this node; it has none")
    }
    var changes = 0
    let kind = kind(of: link, local: local, underlay: underlay)
    let mac = link == .ipip ? nil : VTEP.mac(of: compiler.own.node, underlay: link.underlay)
    var found = try socket.link(.name(link.name))
    if let present = found, !isSame(present, kind) {
      try socket.perform(.deleteLink(.index(present.index)))
      found = nil
      changes += 1
    }
    // It is set up only after its sysctls, so that IPv6 does not begin with what they forbid.
    let isNew = found == nil
    if isNew {
      try add(link, kind, .init(name: link.name, mac: mac, mtu: mtu))
      found = try socket.link(.name(link.name))
      changes += 1
    }
    guard let present = found else { throw RoutingError("link \(link.name) vanished while it was made") }
    let index = present.index
    changes += try reconcileSysctls(link, ipv6: compiler.own.podRanges.contains { $0.family == .v6 })
    if present.mtu != mtu || (mac != nil && present.mac != mac) || !present.isUp {
      try socket.perform(.setLink(.index(index), .init(mac: mac, mtu: mtu, isUp: true)))
      changes += isNew ? 0 : 1
    }
    interfaces[link] = index
    return try changes + reconcileAddresses(link, index, compiler.own)
  }

  private func kind(of link: TunnelLink, local: IPAddress, underlay: Link) -> RouteRequest.LinkKind {
    switch link {
    case .vxlan4, .vxlan6:
      .vxlan(
        Link.VXLAN(
          id: configuration.vxlanID, port: configuration.vxlanPort, local: local, underlay: underlay.index))
    case .ipip: .ipip(Link.IPIP(local: local))
    }
  }

  private func isSame(_ present: Link, _ kind: RouteRequest.LinkKind) -> Bool {
    switch kind {
    case .vxlan(let wanted): present.kind == "vxlan" && present.vxlan == wanted
    case .ipip(let wanted): present.kind == "ipip" && present.ipip == wanted
    default: false
    }
  }

  private func add(_ link: TunnelLink, _ kind: RouteRequest.LinkKind, _ settings: RouteRequest.LinkSettings) throws {
    do {
      try socket.perform(.addLink(kind, settings))
    } catch let error as NetlinkError where error.code == EEXIST && link != .ipip {
      // There can be one VXLAN link of a network and port. On a node that came from flannel it is flannel's, whose agent is
      // not there any more if ours is.
      let rivals = try socket.links(kind: "vxlan").filter { other in
        other.vxlan?.id == configuration.vxlanID && other.vxlan?.port == configuration.vxlanPort
          && (other.name.hasPrefix("flannel.") || other.name.hasPrefix("flannel-v6."))
          && other.vxlan?.local?.family != (link == .vxlan4 ? .v6 : .v4)
      }
      if rivals.isEmpty {
        throw RoutingError(
          "\(error): another VXLAN link has network \(configuration.vxlanID) and UDP port \(configuration.vxlanPort); "
            + "delete it (ip -d link show type vxlan), or choose another VNI or port for the cluster")
      }
      for rival in rivals {
        log.warning(
          "link \(rival.name) has our VXLAN network and port: it is deleted, and \(link.name) takes its place")
        try socket.perform(.deleteLink(.index(rival.index)).accepting(ENODEV))
      }
      try socket.perform(.addLink(kind, settings))
    } catch let error as NetlinkError where error.code == EOPNOTSUPP && link == .ipip {
      throw RoutingError(
        "this kernel cannot make IP-in-IP links (module ipip, CONFIG_NET_IPIP): \(error); "
          + "load it, or choose --routing vxlan")
    }
  }

  /// Packets may come in by this link and leave by another while peers change their mode: strict reverse path filtering
  /// (1) would drop them. The larger of a link's value and that of `all` counts, so that 2 (loose) holds whatever `all` is.
  private func reconcileSysctls(_ link: TunnelLink, ipv6: Bool) throws -> Int {
    var settings = [("net/ipv4/conf/\(link.name)/rp_filter", "2")]
    if ipv6, link != .ipip {
      settings += [
        ("net/ipv6/conf/\(link.name)/disable_ipv6", "0"), ("net/ipv6/conf/\(link.name)/accept_ra", "0"),
        ("net/ipv6/conf/\(link.name)/accept_dad", "0"),
      ]
    }
    var changes = 0
    for (name, value) in settings where try Sysctl.read(name, in: configuration.namespace) != value {
      try Sysctl.write(name, value, in: configuration.namespace)
      changes += 1
    }
    return changes
  }

  /// The nodes' own links are the machine's: that one of them would drop packets which come another way than those to
  /// their sender go is said, not changed.
  var strictFilterProblems: [RoutingProblem] {
    guard strangers > 0, let compiler, compiler.own.mode?.prefersDirect == true, let link = underlays[.v4] else {
      return []
    }
    let values = ["all", link.name].map { name in
      (try? Sysctl.read("net/ipv4/conf/\(name)/rp_filter", in: configuration.namespace)) ?? "0"
    }
    guard values.max() == "1" else { return [] }
    return [
      RoutingProblem(
        node: compiler.own.node,
        "link \(link.name) filters by strict reverse path (net.ipv4.conf.\(link.name).rp_filter or that of all is 1), and "
          + "\(strangers) nodes are of another mode: what they send directly is dropped if this node reaches them by a "
          + "tunnel; set net.ipv4.conf.\(link.name).rp_filter=2 until all nodes are of one mode")
    ]
  }

  /// The first address of the node's range, for packets of the node itself into the tunnel, as flannel has it. IPv6's is on
  /// the link over IPv6, where there is one.
  private func reconcileAddresses(_ link: TunnelLink, _ index: Int32, _ own: RoutePeer) throws -> Int {
    let families = IPFamily.allCases.filter { family in
      family == link.underlay || (link != .ipip && own.underlay(family) == nil)
    }
    let wanted = families.compactMap { family in
      own.podRanges(family).first.map {
        InterfaceAddress(interface: index, $0.first, prefixLength: family.bits)
      }
    }
    let present = try socket.addresses(interface: index).filter { $0.scope == 0 }
    func isSame(_ left: InterfaceAddress, _ right: InterfaceAddress) -> Bool {
      left.address == right.address && left.prefixLength == right.prefixLength
    }
    let missing = wanted.filter { one in !present.contains { isSame($0, one) } }
    try socket.perform(missing.map { .addAddress($0) })
    // A pod range that was replaced left its address behind. Removed last: an interface without any address loses routes.
    let stale = present.filter { one in !wanted.contains { isSame($0, one) } }
    try socket.perform(stale.map { .deleteAddress($0).accepting(EADDRNOTAVAIL) })
    return missing.count + stale.count
  }

  /// What `concerns` compares events of links and addresses with.
  private func rememberLinks() {
    var states: [Int32: KernelObjects.LinkState] = [:]
    for link in underlays.values { states[link.index] = .init(link) }
    for index in interfaces.values {
      if let link = try? socket.link(.index(index)) { states[index] = .init(link) }
    }
    var addresses = Set(compiler?.own.underlay ?? [])
    for range in compiler?.own.podRanges ?? [] { addresses.insert(range.first) }
    wanted.withLock { wanted in
      wanted.links = states
      wanted.addresses = addresses
    }
  }

  /// A link of a mode that is no longer ours stays for a while: peers that have not heard of the change still send to it.
  func removeUnneededLinks() throws -> Int {
    var changes = 0
    let now = Time.monotonicSeconds
    for link in TunnelLink.allCases where unneeded[link] != nil || isUnneeded(link) {
      guard isUnneeded(link), let index = interfaces[link] else {
        unneeded[link] = nil
        continue
      }
      let since = unneeded[link] ?? now
      unneeded[link] = since
      guard now - since >= configuration.linkGrace else { continue }
      wanted.withLock { $0.links[index] = nil }
      try socket.perform(.deleteLink(.index(index)).accepting(ENODEV))
      interfaces[link] = nil
      unneeded[link] = nil
      changes += 1
    }
    return changes
  }

  private func isUnneeded(_ link: TunnelLink) -> Bool { interfaces[link] != nil && !neededLinks.contains(link) }
}
