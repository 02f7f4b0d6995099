internal import Addressing
package import ClusterModel
package import JSON
internal import Linux
package import Netlink
internal import Synchronization

/// Decides which backend carries which peer, and keeps them at it. Each peer is sent to in the way that it announces, so
/// that a cluster changes its mode node by node: what a node's former mode made goes only when no peer needs it.
///
/// Used by one thread, except `concerns` and `status`.
package final class NodeRouter {
  private let name: String
  private let mode: RoutingMode
  /// The kernel's comes last: it takes away what the others do by now.
  private let backends: [any RoutingBackend]
  private let ownBackend: Int
  /// Seconds that a backend without peers stays.
  private let grace: Double
  private var table: PeerTable
  private var own: RoutePeer?
  private var carriers: [String: Carrier] = [:]
  /// Backends that still hold a peer which another is about to carry.
  private var leaving: [String: Set<Int>] = [:]
  private var active: Set<Int> = []
  private var inactiveSince: [Int: Double] = [:]
  private var tableProblems: [String: [RoutingProblem]] = [:]
  private let shared = Mutex(Shared())

  private struct Carrier: Hashable {
    var backend: Int
    var peer: RoutePeer
  }

  /// What other threads read.
  private struct Shared {
    var isMoving = false
    var problems: [String] = []
    var awaited: [String] = []
    var peers = 0
  }

  /// `backends` must carry every mode that a peer may have; the last one is the kernel's.
  package init(node name: String, mode: RoutingMode, backends: [any RoutingBackend], grace: Double = 60) throws {
    guard let ownBackend = backends.firstIndex(where: { $0.modes.contains(mode) }) else {
      throw RoutingError("--routing \(mode.rawValue): nothing here carries this mode")
    }
    self.name = name
    self.mode = mode
    self.backends = backends
    self.ownBackend = ownBackend
    self.grace = grace
    table = PeerTable(own: name)
  }

  /// This node has a Node object with an address and a pod range, and can take part.
  package var isReady: Bool { own != nil }

  /// How many nodes are sent to.
  package var peerCount: Int { carriers.count }

  /// Peers whose pods are not reached yet, though all was done for it: a daemon is still learning the way.
  package var awaitedPeers: [String] {
    // The kernel does at once what it is told; looking at all peers is for the daemons'.
    let isKernelAlone = active.allSatisfy { $0 == backends.count - 1 }
    return isKernelAlone
      ? [] : carriers.values.filter { !backends[$0.backend].carries($0.peer) }.map(\.peer.node).sorted()
  }

  /// Annotations for the node's own object.
  package var announcement: [String: String] {
    active.sorted(by: >).reduce(into: [:]) { $0.merge(backends[$1].announcement) { _, new in new } }
  }

  /// The largest packet that fits every way to the peers, in bytes.
  package func podMTU() throws -> Int {
    var smallest = Int.max
    for index in active { smallest = min(smallest, try backends[index].podMTU()) }
    return smallest
  }

  package var problems: [RoutingProblem] {
    tableProblems.keys.sorted().flatMap { tableProblems[$0] ?? [] } + active.sorted().flatMap { backends[$0].problems }
  }

  /// Takes all nodes and makes everything what they need. Returns how many objects were changed.
  @discardableResult
  package func synchronize(_ nodes: some Sequence<Node>) throws -> Int {
    var gone = Set(table.names)
    var concerned: Set<String> = []
    for node in nodes {
      gone.remove(node.name)
      concerned.formUnion(table.set(node.name, declaration(node)))
    }
    for name in gone { concerned.formUnion(table.set(name, nil)) }
    resolveOwn()
    for name in concerned where name != self.name { carriers[name] = carrier(of: name) }
    return try reconcile()
  }

  /// Takes nodes that changed, nil for those that are gone. Costs the size of the change, unless it is this node itself.
  @discardableResult
  package func apply(_ changes: [(name: String, node: Node?)]) throws -> Int {
    var concerned: Set<String> = []
    for (name, node) in changes { concerned.formUnion(table.set(name, node.map(declaration))) }
    if concerned.contains(name) {
      let before = own
      resolveOwn()
      if own != before {
        for name in concerned where name != self.name { carriers[name] = carrier(of: name) }
        return try reconcile()
      }
    }
    concerned.remove(name)
    let count = try move(concerned)
    publish()
    return count
  }

  /// Looks for what others changed and repairs it.
  @discardableResult
  package func repair() throws -> Int { try reconcile() }

  /// Whether an event in the kernel asks for `repair`. Called from any thread.
  package func concerns(_ event: RouteEvent) -> Bool {
    if backends.contains(where: { $0.concerns(event) }) { return true }
    guard case .route = event else { return false }
    return shared.withLock { $0.isMoving }
  }

  /// For `swiftlet status`. Called from any thread.
  package var status: JSON {
    var parts = JSON.Object()
    for backend in backends {
      let names = backend.modes.map(\.rawValue).sorted().joined(separator: ",")
      parts[names] = backend.status
    }
    let (problems, awaited, peers) = shared.withLock { ($0.problems, $0.awaited, $0.peers) }
    return [
      "mode": .string(mode.rawValue), "backends": .object(parts), "problems": .array(problems.map { .string($0) }),
      "peers": .int(Int64(peers)), "awaited": .array(awaited.map { .string($0) }),
    ]
  }

  private func declaration(_ node: Node) -> RoutePeer {
    node.name == name ? RoutePeer(own: node, mode: mode) : RoutePeer(node)
  }

  private func resolveOwn() {
    let resolved = table.resolve(name)
    own = resolved.flatMap { $0.peer.underlay.isEmpty || $0.peer.podRanges.isEmpty ? nil : $0.peer }
    tableProblems[name] = resolved?.problems
  }

  /// Who carries a node, and as which peer; nil for one that is none yet.
  private func carrier(of name: String) -> Carrier? {
    tableProblems[name] = nil
    guard var (peer, problems) = table.resolve(name) else { return nil }
    defer { tableProblems[name] = problems.isEmpty ? nil : problems }
    guard let mode = peer.mode else {
      if let type = peer.annotations[RouteAnnotation.flannelType] {
        problems.append(
          RoutingProblem(
            node: name,
            "announces flannel's backend \(type), which nothing here speaks; expected vxlan, host-gw, ipip or wireguard"
          ))
      }
      return nil
    }
    if peer.podRanges.isEmpty { return nil }
    peer.mode = mode.sending(from: self.mode)
    return backends.firstIndex { $0.modes.contains(peer.mode ?? mode) }.map { Carrier(backend: $0, peer: peer) }
  }

  /// Everything, whatever there is.
  private func reconcile() throws -> Int {
    guard let own else { return 0 }
    active = [ownBackend, backends.count - 1]
    for carrier in carriers.values { active.insert(carrier.backend) }
    var changes = 0
    for index in active.sorted() {
      inactiveSince[index] = nil
      changes += try backends[index].prepare(own)
    }
    leaving = [:]
    var waiting: [RoutePeer] = []
    for index in active.sorted() {
      var peers: [RoutePeer] = []
      var foreign: [RoutePeer] = []
      for carrier in carriers.values {
        if carrier.backend == index { peers.append(carrier.peer) } else { foreign.append(carrier.peer) }
      }
      // What this backend has of peers that another one does not reach yet stays.
      let keeping = foreign.filter { peer in
        guard let carrier = carriers[peer.node], carrier.backend < index else { return false }
        return !backends[carrier.backend].carries(peer)
      }
      waiting += keeping
      changes += try backends[index].synchronize(peers, keeping: keeping)
    }
    for peer in waiting { leaving[peer.node, default: []].insert(backends.count - 1) }
    changes += try removeInactive()
    publish()
    return changes
  }

  /// Hands single peers to the backends that carry them now; the new one gets a peer before the old one loses it.
  private func move(_ names: Set<String>) throws -> Int {
    guard own != nil else {
      for name in names { carriers[name] = carrier(of: name) }
      return 0
    }
    var sets: [Int: [RoutePeerChange]] = [:]
    var removals: [Int: [RoutePeerChange]] = [:]
    var moved: Set<String> = []
    for name in names {
      let before = carriers[name]
      let after = carrier(of: name)
      if before == after { continue }
      carriers[name] = after
      if let after { sets[after.backend, default: []].append(.set(after.peer)) }
      guard let before, before.backend != after?.backend else { continue }
      if after == nil {
        // Together with the additions: what one node loses, another may get in the same moment.
        sets[before.backend, default: []].append(.removed(node: name))
        for index in leaving.removeValue(forKey: name) ?? [] where index != before.backend {
          removals[index, default: []].append(.removed(node: name))
        }
      } else {
        leaving[name, default: []].insert(before.backend)
        moved.insert(name)
      }
    }
    if !active.isSuperset(of: sets.keys) { return try reconcile() }
    var changes = 0
    for (index, list) in sets.sorted(by: { $0.key < $1.key }) { changes += try backends[index].apply(list) }
    for name in moved {
      guard let carrier = carriers[name], backends[carrier.backend].carries(carrier.peer) else { continue }
      for index in leaving.removeValue(forKey: name) ?? [] where index != carrier.backend {
        removals[index, default: []].append(.left(node: name))
      }
    }
    for (index, list) in removals { changes += try backends[index].apply(list) }
    return changes
  }

  /// A backend of a former mode goes some time after the last peer that needed it.
  private func removeInactive() throws -> Int {
    var changes = 0
    let now = Time.monotonicSeconds
    let isWayFound = carriers.values.allSatisfy { backends[$0.backend].carries($0.peer) }
    for index in backends.indices where !active.contains(index) {
      let since = inactiveSince[index] ?? now
      inactiveSince[index] = since
      if isWayFound, now - since >= grace { changes += try backends[index].remove() }
    }
    return changes
  }

  private func publish() {
    let texts = problems.map(\.description)
    let awaited = awaitedPeers
    let peers = peerCount
    shared.withLock { shared in
      shared.awaited = awaited
      shared.peers = peers
      shared.isMoving = !leaving.isEmpty
      shared.problems = texts
    }
  }
}

extension RoutingMode {
  /// How a node of another mode sends to one of this mode. Plain routes and tunnels need nothing of the sender; BGP and
  /// WireGuard need both sides, and until both are of that mode packets travel as between nodes of the mode before.
  package func sending(from own: RoutingMode) -> RoutingMode {
    switch self {
    case .vxlan, .hostGateway, .crossSubnet, .ipip, .ipipCrossSubnet: self
    case .bgp: own == .bgp ? .bgp : .crossSubnet
    case .wireguard: own == .wireguard ? .wireguard : .vxlan
    }
  }
}
