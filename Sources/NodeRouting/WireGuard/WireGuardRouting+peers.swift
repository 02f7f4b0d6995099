internal import Addressing
internal import Glibc
internal import Linux
internal import Netlink

extension WireGuardRouting {
  package func synchronize(_ peers: [RoutePeer], keeping: [RoutePeer]) throws -> Int {
    guard var plan else { return 0 }
    for node in plan.peers.keys { plan.remove(node) }
    for peer in peers.sorted(by: { $0.node < $1.node }) { plan.set(peer) }
    let device = try wireguard.device(interface)
    let present = Dictionary(device.peers.map { ($0.publicKey, $0) }, uniquingKeysWith: { first, _ in first })
    let kept = Set(keeping.flatMap(\.podRanges))

    var programmed: [String: Programmed] = [:]
    var change = WireGuardChange()
    var wantedKeys: Set<WireGuardPublicKey> = []
    for (node, peer) in plan.peers {
      // Only a node that has changed its key shakes hands with the next one: nobody sends to it before.
      let usesNextKey = peer.nextKey.map { (present[$0]?.lastHandshake ?? 0) > 0 } ?? false
      let one = Programmed(peer: peer, usesNextKey: usesNextKey)
      programmed[node] = one
      for (key, ranges) in one.allowed {
        wantedKeys.insert(key)
        if let repair = Self.repair(key, ranges, peer, present[key]) { change.peers.append(repair) }
      }
    }
    let lingeringKeys = keysStillLingering()
    for peer in device.peers where !wantedKeys.contains(peer.publicKey) && !lingeringKeys.contains(peer.publicKey) {
      if peer.allowed.contains(where: { kept.contains($0) }) { continue }
      change.peers.append(.init(peer.publicKey, .remove))
    }
    self.plan = plan
    try send(change)

    let routes = try socket.routes(protocolNumber: Route.ownProtocol, interface: interface)
    let presentRoutes = Set(routes)
    var wantedRoutes: Set<Route> = []
    for (node, one) in programmed {
      let hasSession = one.allowed.contains { (present[$0.key]?.lastHandshake ?? 0) > 0 }
      let own = self.routes(one.peer)
      if try hasSession || own.allSatisfy({ try presentRoutes.contains($0) || !isCarriedElsewhere($0) }) {
        programmed[node]?.isRouted = true
        wantedRoutes.formUnion(own)
      }
    }
    let destinations = Set(wantedRoutes.map(\.destination))
    var requests = wantedRoutes.subtracting(presentRoutes).map { RouteRequest.addRoute($0) }
    for route in presentRoutes where !destinations.contains(route.destination) && !kept.contains(route.destination) {
      requests.append(.deleteRoute(route).accepting(ESRCH))
    }
    try socket.perform(requests)
    self.programmed = programmed
    remember()
    return change.peers.count + requests.count
  }

  package func apply(_ changes: [RoutePeerChange]) throws -> Int {
    guard var plan else { return 0 }
    let before = programmed
    var after = programmed
    // What is gone first: a key or a range may be another node's by now.
    var formerKeys: Set<WireGuardPublicKey> = []
    for change in changes {
      let keys = before[change.node]?.peer.keys ?? []
      switch change {
      case .removed(let node):
        plan.remove(node)
        after[node] = nil
        formerKeys.formUnion(keys + (lingering.removeValue(forKey: node)?.keys ?? []))
      case .left(let node):
        plan.remove(node)
        after[node] = nil
        lingering[node] = (keys, Time.monotonicSeconds + configuration.lingering)
      case .set(let peer): formerKeys.formUnion(keys + (lingering.removeValue(forKey: peer.node)?.keys ?? []))
      }
    }
    for case .set(let peer) in changes {
      plan.set(peer)
      after[peer.node] = plan.peers[peer.node].map { Programmed(peer: $0) }
      guard var one = after[peer.node] else { continue }
      let old = before[peer.node]
      one.usesNextKey = old?.usesNextKey == true && old?.peer.nextKey == one.peer.nextKey && one.peer.nextKey != nil
      one.isRouted = try old?.isRouted == true || !routes(one.peer).contains(where: isCarriedElsewhere)
      after[peer.node] = one
    }
    let nodes = Set(changes.map(\.node)).sorted()
    var change = WireGuardChange()
    var wantedRoutes: Set<Route> = []
    var formerRoutes: Set<Route> = []
    for node in nodes {
      let (old, new) = (before[node], after[node])
      if old == new { continue }
      if let new {
        let former = Dictionary(uniqueKeysWithValues: old?.allowed.map { ($0.key, $0.ranges) } ?? [])
        for (key, ranges) in new.allowed where former[key] != ranges || old?.peer.endpoint != new.peer.endpoint {
          change.peers.append(
            .init(
              key, endpoint: new.peer.endpoint, keepalive: ranges.isEmpty ? 0 : Self.wakingKeepalive, allowed: ranges))
        }
        if new.isRouted { wantedRoutes.formUnion(routes(new.peer)) }
      }
      if let old, old.isRouted { formerRoutes.formUnion(routes(old.peer)) }
    }
    let wantedKeys = Set(change.peers.map(\.publicKey))
    for key in formerKeys.subtracting(wantedKeys) where !plan.hasKey(key) {
      change.peers.append(.init(key, .remove))
    }
    self.plan = nil  // until all of it is done
    try send(change)
    let destinations = Set(wantedRoutes.map(\.destination))
    var requests = wantedRoutes.subtracting(formerRoutes).map { RouteRequest.addRoute($0) }
    for route in formerRoutes where !destinations.contains(route.destination) {
      requests.append(.deleteRoute(route).accepting(ESRCH))
    }
    try socket.perform(requests)
    (self.plan, programmed) = (plan, after)
    remember()
    return change.peers.count + requests.count
  }

  /// What one key's peer needs; nil where it is as it has to be. The kernel follows a peer that speaks from elsewhere
  /// (roaming); that stays as long as the peer speaks.
  private static func repair(
    _ key: WireGuardPublicKey, _ ranges: [Prefix], _ peer: WireGuardPlan.Peer, _ present: WireGuardPeer?
  ) -> WireGuardChange.Peer? {
    guard let present else {
      return .init(
        key, endpoint: peer.endpoint, keepalive: ranges.isEmpty ? 0 : wakingKeepalive, allowed: ranges)
    }
    var change = WireGuardChange.Peer(key)
    if Set(present.allowed) != Set(ranges) || present.allowed.count != ranges.count { change.allowed = ranges }
    let isSilent = Int64(Time.wallSeconds) - present.lastHandshake > sessionLifetime
    if present.endpoint == nil || isSilent && present.endpoint != peer.endpoint { change.endpoint = peer.endpoint }
    if present.keepalive != 0 { change.keepalive = 0 }
    return change == .init(key) ? nil : change
  }

  /// Sends a change; peers that were asked to keep alive have then begun a handshake and are left quiet again.
  private func send(_ change: WireGuardChange) throws {
    if change.peers.isEmpty { return }
    try wireguard.change(interface, change)
    let woken = change.peers.filter { ($0.keepalive ?? 0) != 0 }
    if !woken.isEmpty {
      try wireguard.change(
        interface, WireGuardChange(peers: woken.map { .init($0.publicKey, .update, keepalive: 0) }))
    }
  }

  private func keysStillLingering() -> Set<WireGuardPublicKey> {
    let now = Time.monotonicSeconds
    lingering = lingering.filter { $0.value.until > now }
    return Set(lingering.values.flatMap(\.keys))
  }

  private func routes(_ peer: WireGuardPlan.Peer) -> [Route] {
    peer.podRanges.map { Route($0, interface: interface, mtu: peer.mtu) }
  }

  /// The node's pods are reached another way, which stays until there is a session: a cluster that changes its mode loses
  /// no packet.
  private func isCarriedElsewhere(_ route: Route) throws -> Bool {
    guard let found = try socket.tableRoute(to: route.destination.first) else { return false }
    return found.destination == route.destination && found.protocolNumber == Route.ownProtocol
      && found.interface != interface && found.kind == .unicast
  }
}
