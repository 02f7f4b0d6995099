internal import Addressing
internal import Glibc
package import Linux
internal import Netlink
internal import Synchronization

/// Carries pods encrypted, by the kernel's WireGuard: one link, a peer for each node with that node's pod ranges as its
/// allowed ones, and a route for each range into the link. It owns its link whole. Sessions live in the kernel: an agent's
/// restart, or a pass that changes nothing, disturbs none.
package final class WireGuardRouting: RoutingBackend {
  package struct Configuration: Sendable {
    /// UDP port that the node receives at.
    package var port = WireGuardAnnouncement.defaultPort
    /// Where the node's keys are kept.
    package var keyFile: String
    /// Seconds for which a key is used; nil for good.
    package var rotationInterval: Int64?
    /// Seconds for which peers are told of a key before it is used.
    package var notice: Int64 = 30
    /// Seconds for which a peer that is carried another way by now is still known: it goes on sending by WireGuard until it
    /// has heard that there is another way, and the kernel encrypts behind the sender's back.
    package var lingering: Double = 60
    /// What the nodes' network takes, in bytes; nil is the MTU of the link with the node's address.
    package var underlayMTU: Int?
    /// nil is the caller's own.
    package var namespace: NetworkNamespace?

    package init(keyFile: String, namespace: NetworkNamespace? = nil) {
      self.keyFile = keyFile
      self.namespace = namespace
    }
  }

  package static let link = "swiftlet.wg"
  /// Seconds without a handshake after which a session is over (the WireGuard paper, section 6.1, Reject-After-Time).
  static let sessionLifetime: Int64 = 180
  /// Seconds between keepalives while a handshake is asked for.
  static let wakingKeepalive: UInt16 = 25

  /// A peer as it was programmed.
  struct Programmed: Hashable {
    var peer: WireGuardPlan.Peer
    /// It speaks with its next key already, though it has not announced that yet.
    var usesNextKey = false
    /// Packets to its pods go into our link.
    var isRouted = false

    /// What its keys are allowed: its ranges belong to the one it uses.
    var allowed: [(key: WireGuardPublicKey, ranges: [Prefix])] {
      peer.keys.map { ($0, ($0 == peer.nextKey) == usesNextKey ? peer.podRanges : []) }
    }
  }

  package let modes: Set<RoutingMode> = [.wireguard]

  let configuration: Configuration
  let socket: RouteSocket
  let wireguard: WireGuardSocket
  let log = Log("routing wireguard")
  let shared = Mutex(Shared())
  var own: RoutePeer?
  var keys: WireGuardKeys?
  var plan: WireGuardPlan?
  var interface: Int32 = 0
  /// By node name.
  var programmed: [String: Programmed] = [:]
  /// Keys of nodes that another backend carries by now, and until when they are kept. By node name.
  var lingering: [String: (keys: [WireGuardPublicKey], until: Double)] = [:]

  package init(_ configuration: Configuration) throws {
    self.configuration = configuration
    socket = try RouteSocket(namespace: configuration.namespace)
    wireguard = try WireGuardSocket(namespace: configuration.namespace)
  }

  package func prepare(_ own: RoutePeer) throws -> Int {
    self.own = own
    let underlay = try underlay(own)
    let underlayMTU = configuration.underlayMTU ?? underlay.mtu
    var changes = try makeLink()
    let keys = try advanceKeys(request: own.annotations[RouteAnnotation.wireguardRotation])
    let plan = WireGuardPlan(own: own, ownKeys: Self.publicKeys(keys), underlayMTU: underlayMTU)
    changes += try reconcileDevice(keys)
    changes += try reconcileLink(plan, own)
    self.plan = plan
    publish(underlay)
    return changes
  }

  /// Bytes: what the nodes' network takes, less the overhead over the family that packets to peers travel by.
  package func podMTU() throws -> Int {
    guard let plan else { throw RoutingError("the MTU of WireGuard is known only once its link has been prepared") }
    return plan.mtu
  }

  package var problems: [RoutingProblem] { plan.map { $0.problems.values.sorted { $0.node < $1.node } } ?? [] }

  package func carries(_ peer: RoutePeer) -> Bool { programmed[peer.node]?.isRouted == true }

  package func remove() throws -> Int {
    guard let link = try socket.link(.name(Self.link)), link.kind == "wireguard" else { return 0 }
    try socket.perform(.deleteLink(.index(link.index)).accepting(ENODEV))
    try Files.remove(configuration.keyFile)
    (plan, keys, programmed, lingering) = (nil, nil, [:], [:])
    shared.withLock { $0 = Shared() }
    return 1
  }

  static func publicKeys(_ keys: WireGuardKeys) -> Set<WireGuardPublicKey> {
    Set([keys.current.publicKey] + (keys.next.map { [$0.publicKey] } ?? []))
  }

  /// The link with the address that peers send to.
  private func underlay(_ own: RoutePeer) throws -> Link {
    let addresses = try socket.addresses()
    for address in own.underlay {
      guard let found = addresses.first(where: { $0.address == address }),
        let link = try socket.link(.index(found.interface))
      else { continue }
      return link
    }
    let wanted = own.underlay.map(\.description).joined(separator: ", ")
    throw RoutingError(
      "no link has this node's address (\(wanted.isEmpty ? "none" : wanted)); WireGuard needs one. "
        + "Give the Node an InternalIP that the machine has")
  }
}
