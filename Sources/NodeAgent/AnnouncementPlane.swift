internal import AddressAnnouncement
internal import Addressing
package import ClusterModel
package import JSON
package import Kubernetes
package import Linux
internal import Netlink
internal import Synchronization

/// Announces addresses of load balancers by ARP and NDP from one elected node.
package final class AnnouncementPlane: Plane {
  package let name = "announcing"
  private let settings: AgentConfiguration
  private let responder: AddressResponder
  private let election: AddressElection
  private let ownAddresses: OwnAddresses
  /// Used by the plane's own thread alone.
  private nonisolated(unsafe) var plan = AnnouncementPlan()

  /// `namespace`: where the node's links are; nil is the caller's own.
  package init(_ settings: AgentConfiguration, _ client: APIClient, namespace: NetworkNamespace? = nil) throws {
    self.settings = settings
    let own = OwnAddresses()
    ownAddresses = own
    let responder = try AddressResponder(namespace: namespace) { link, addresses in
      // The node's InternalIPs are on the link that leads to other nodes, and to clients.
      addresses.contains { entry in entry.interface == link.index && own.contains(entry.address) }
    }
    self.responder = responder
    var options = AddressElection.Options(identity: settings.nodeName)
    options.namespace = settings.announcementNamespace
    options.timing = AddressClaims.Timing(duration: settings.announcementLease)
    // One node removes what a dead one left; the others see that before it is their turn.
    options.timing.collection *= Double.random(in: 1...1.5)
    let log = Log("agent announcing")
    options.onError = { error in log.warning("\(error)") }
    election = AddressElection(client.transport, options) { responder.set($0) }
  }

  package func watch(_ requestRepair: @escaping @Sendable () -> Void) throws {
    responder.start()
    election.start()
  }

  package func wants(_ key: ChangeKey) -> Bool {
    switch key {
    case .service, .node: true
    default: false
    }
  }

  package func synchronize(_ model: SharedModel) throws {
    let (nodes, services) = model.read { state in
      (Array(state.nodes.values), state.services.keys.compactMap(state.serviceWithEndpoints))
    }
    var addresses = plan.addresses
    _ = plan.set(nodes: nodes)
    ownAddresses.set(nodes.first { $0.name == settings.nodeName }?.addresses ?? [])
    for service in services { addresses.formUnion(plan.set(service.service.id, service)) }
    for id in plan.services.subtracting(services.map(\.service.id)) { addresses.formUnion(plan.set(id, nil)) }
    // Also where there are none: from now on the election knows that.
    want(addresses.union(plan.addresses))
  }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {
    let ids = keys.compactMap { key in if case .service(let id) = key { id } else { nil as NamespacedName? } }
    let services = model.read { state in ids.map { ($0, state.serviceWithEndpoints($0)) } }
    var changed: Set<IPAddress> = []
    for (id, service) in services { changed.formUnion(plan.set(id, service)) }
    if ids.count < keys.count {
      let nodes = model.read { Array($0.nodes.values) }
      ownAddresses.set(nodes.first { $0.name == settings.nodeName }?.addresses ?? [])
      if plan.set(nodes: nodes) { changed.formUnion(plan.addresses) }
    }
    if !changed.isEmpty { want(changed) }
  }

  /// Leases are watched by the election, and links by the responder.
  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws {}

  private func want(_ addresses: Set<IPAddress>) {
    let all = plan.addresses
    election.want(
      addresses.map { address in
        (
          rank: plan.candidates(for: address).firstIndex(of: settings.nodeName), isUnused: !all.contains(address),
          address: address
        )
      })
  }

  package var status: JSON {
    ["addresses": .array(responder.addresses.sorted().map { .string("\($0)") })]
  }

  /// The Leases stay: an agent that comes back before they end takes up its addresses where it left them, and no flow moves
  /// to another node. One that stays away loses them to others.
  package func stop() {
    election.stop(releasing: false)
    responder.stop()
  }
}

/// The node's own addresses, which the responder's thread asks for.
private final class OwnAddresses: Sendable {
  private let addresses = Mutex<Set<IPAddress>>([])
  func set(_ new: [IPAddress]) { addresses.withLock { $0 = Set(new) } }
  func contains(_ address: IPAddress) -> Bool { addresses.withLock { $0.contains(address) } }
}
