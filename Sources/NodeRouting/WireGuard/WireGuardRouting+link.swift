internal import Addressing
internal import Glibc
internal import Linux
internal import Netlink

extension WireGuardRouting {
  /// The link itself, without anything on it. Returns how many objects were changed.
  func makeLink() throws -> Int {
    var changes = 0
    var found = try socket.link(.name(Self.link))
    if let other = found, other.kind != "wireguard" {
      try socket.perform(.deleteLink(.index(other.index)))
      found = nil
      changes += 1
    }
    if found == nil {
      try addLink(Self.link)
      found = try socket.link(.name(Self.link))
      changes += 1
    }
    guard let link = found else { throw RoutingError("link \(Self.link) vanished while it was made") }
    interface = link.index
    return changes
  }

  func addLink(_ name: String) throws {
    do {
      try socket.perform(.addLink(.wireguard, .init(name: name)))
    } catch let error as NetlinkError where error.code == EOPNOTSUPP {
      throw RoutingError(
        "this kernel cannot make WireGuard links (module wireguard, CONFIG_WIREGUARD): \(error); "
          + "load it, or choose --routing vxlan")
    }
  }

  /// Key and port. A key that is replaced ends all sessions; new ones are begun at once, from here.
  func reconcileDevice(_ keys: WireGuardKeys) throws -> Int {
    let device = try wireguard.device(interface)
    var change = WireGuardChange()
    if device.privateKey != keys.current.privateKey {
      change.privateKey = keys.current.privateKey
      change.peers = device.peers.map { .init($0.publicKey, .update, keepalive: Self.wakingKeepalive) }
    }
    if device.port != configuration.port { change.port = configuration.port }
    if change == WireGuardChange() { return 0 }
    try claimingPort { try wireguard.change(interface, change) }
    if !change.peers.isEmpty {
      try wireguard.change(
        interface, WireGuardChange(peers: device.peers.map { .init($0.publicKey, .update, keepalive: 0) }))
    }
    return 1
  }

  /// MTU, sysctls, addresses, and up.
  func reconcileLink(_ plan: WireGuardPlan, _ own: RoutePeer) throws -> Int {
    guard let link = try socket.link(.index(interface)) else {
      throw RoutingError("link \(Self.link) vanished while it was made")
    }
    var changes = try reconcileSysctls(ipv6: !own.podRanges(.v6).isEmpty)
    if link.mtu != plan.mtu || !link.isUp {
      try claimingPort { try socket.perform(.setLink(.index(interface), .init(mtu: plan.mtu, isUp: true))) }
      changes += 1
    }
    // What the node itself sends to pods comes from the first address of its range, which its peers allow.
    let wanted = IPFamily.allCases.compactMap { family in
      own.podRanges(family).first.map { InterfaceAddress(interface: interface, $0.first, prefixLength: family.bits) }
    }
    let present = try socket.addresses(interface: interface).filter { $0.scope == 0 }
    func isSame(_ left: InterfaceAddress, _ right: InterfaceAddress) -> Bool {
      left.address == right.address && left.prefixLength == right.prefixLength
    }
    let missing = wanted.filter { one in !present.contains { isSame($0, one) } }
    try socket.perform(missing.map { .addAddress($0) })
    // Removed last: an interface that loses its last address loses routes.
    let stale = present.filter { one in !wanted.contains { isSame($0, one) } }
    try socket.perform(stale.map { .deleteAddress($0).accepting(EADDRNOTAVAIL) })
    return changes + missing.count + stale.count
  }

  /// Packets may come in by this link and leave by another while peers change their mode: strict reverse path filtering
  /// would drop them. The larger of a link's value and that of `all` counts.
  private func reconcileSysctls(ipv6: Bool) throws -> Int {
    var settings = [("net/ipv4/conf/\(Self.link)/rp_filter", "2")]
    if ipv6 {
      settings += [
        ("net/ipv6/conf/\(Self.link)/disable_ipv6", "0"), ("net/ipv6/conf/\(Self.link)/accept_ra", "0"),
      ]
    }
    var changes = 0
    for (name, value) in settings where try Sysctl.read(name, in: configuration.namespace) != value {
      try Sysctl.write(name, value, in: configuration.namespace)
      changes += 1
    }
    return changes
  }

  /// On a node that came from flannel its link has our port; flannel's agent is not there any more if ours is.
  private func claimingPort(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as NetlinkError where error.code == EADDRINUSE {
      let rivals = try socket.links(kind: "wireguard").filter { ["flannel-wg", "flannel-wg-v6"].contains($0.name) }
      if rivals.isEmpty {
        throw RoutingError(
          "UDP port \(configuration.port) of WireGuard is in use (\(error)); find its user with "
            + "`ss -ulpn` or `wg show all listen-port`, or choose another with --wireguard-port")
      }
      for rival in rivals {
        log.warning("link \(rival.name) has our UDP port: it is deleted, and \(Self.link) takes its place")
        try socket.perform(.deleteLink(.index(rival.index)).accepting(ENODEV))
      }
      try body()
    }
  }
}
