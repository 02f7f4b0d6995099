package import Addressing
package import Netlink

/// Table `inet swiftlet-services`: which sets, chains and rules there are, whatever the cluster holds. Services and
/// endpoints are elements; chains are few, and constant but for one more for each class of frontends in use.
package enum ServicesLayout {
  package static let table = NFTable(.inet, "swiftlet-services", comment: "Services, by swiftlet; do not edit")

  /// The sets and maps whose elements we write, one of each per family.
  package enum SetKind: String, Hashable, Sendable, CaseIterable {
    /// address . protocol . port → verdict: the class of the frontend.
    case frontends
    /// The same for clients that are neither the node nor its pods, where those are served otherwise.
    case outside = "frontends-outside"
    /// protocol . port → verdict, at the node's own addresses.
    case nodePorts = "nodeports"
    case outsideNodePorts = "nodeports-outside"
    /// address . protocol . port . slot → address . port of an endpoint.
    case slots
    /// protocol . port . slot → address . port of an endpoint.
    case nodePortSlots = "nodeport-slots"
    /// address . protocol . port of frontends that leave the client's address as it is.
    case keepSource = "keep-source"
    case keepSourceNodePorts = "keep-source-nodeports"
    /// source range . address . protocol . port: who may use a load balancer's address.
    case sourceRanges = "source-ranges"
    /// address . protocol . port with session affinity.
    case sticky
    case stickyNodePorts = "sticky-nodeports"
    /// address . protocol . port . endpoint . port → verdict: remembering that a client has this endpoint.
    case live
    /// protocol . port . endpoint . port → verdict.
    case liveNodePorts = "live-nodeports"
    /// Cluster addresses of Services.
    case clusterAddresses = "cluster-addresses"
    /// source . destination of a pod that was sent to itself.
    case hairpin
    /// Ranges of this node's pods.
    case nodePods = "node-pods"
    /// Ranges ClusterIPs come from.
    case serviceRange = "service-range"
    /// Ranges within which the node's own addresses serve NodePorts.
    case nodePortAddresses = "nodeport-addresses"
  }

  /// A set of the table by kind and family.
  package struct SetID: Hashable, Sendable {
    package var kind: SetKind
    package var family: IPFamily

    package init(_ kind: SetKind, _ family: IPFamily) {
      self.kind = kind
      self.family = family
    }

    package var name: String { kind.rawValue + family.suffix }
    package static let all = SetKind.allCases.flatMap { kind in IPFamily.allCases.map { SetID(kind, $0) } }
  }

  /// Slots of a frontend are numbered below this; the map's type names it, so it is part of the layout.
  static let slotNumbers: UInt32 = 65536
  /// The first slot of the targets for clients outside.
  static let outsideSlot = TargetChoice.limit
  /// The most clients whose endpoint is remembered, a family; beyond it none is learned until one is forgotten.
  static let affinityLimit: UInt32 = 262_144

  package static let noEndpoints = "no-endpoints"

  /// The whole table for the classes in use. The sizes of sets are no part of its signature.
  package static func definition(
    _ classes: some Sequence<ServiceClass>, _ capacities: SetCapacities = SetCapacities(for: SetCounts())
  ) -> NFTableDefinition {
    NFTableDefinition(
      table,
      sets: SetID.all.map { set($0, size: capacities.sizes[$0]) } + IPFamily.allCases.flatMap { affinitySets($0) },
      chains: constantChains + classes.sorted { $0.order < $1.order }.flatMap(chains))
  }

  static func set(_ id: SetID, size: UInt32? = nil) -> NFSet {
    let address = NFDataType.address(id.family)
    let frontend = [address, .inetProtocol, .inetService]
    let nodePort: [NFDataType] = [.inetProtocol, .inetService]
    let slot: [NFField] = [.l4Protocol, .destinationPort, .random(modulus: slotNumbers)]
    let target: [NFField] = [.destination(id.family), .destinationPort]
    var set: NFSet =
      switch id.kind {
      case .frontends, .outside: NFSet(id.name, key: frontend, value: .verdict)
      case .nodePorts, .outsideNodePorts: NFSet(id.name, key: nodePort, value: .verdict)
      case .slots: NFSet(id.name, typeof: [.destination(id.family)] + slot, data: target)
      case .nodePortSlots: NFSet(id.name, typeof: slot, data: target)
      case .keepSource, .sticky: NFSet(id.name, key: frontend)
      case .keepSourceNodePorts, .stickyNodePorts: NFSet(id.name, key: nodePort)
      case .sourceRanges: NFSet(id.name, key: [address] + frontend, flags: [.interval])
      case .live: NFSet(id.name, key: frontend + [address, .inetService], value: .verdict)
      case .liveNodePorts: NFSet(id.name, key: nodePort + [address, .inetService], value: .verdict)
      case .clusterAddresses: NFSet(id.name, key: [address])
      case .hairpin: NFSet(id.name, key: [address, address])
      case .nodePods, .serviceRange, .nodePortAddresses: NFSet(id.name, key: [address], flags: [.interval])
      }
    // What leads a connection somewhere says how many it led there.
    set.counts = [.frontends, .outside, .nodePorts, .outsideNodePorts, .slots, .nodePortSlots].contains(id.kind)
    set.size = size
    return set
  }

  /// The map that remembers clients: source . frontend → endpoint . port. Rules fill it; a restart leaves it alone.
  static func affinitySet(_ family: IPFamily, nodePort: Bool) -> String {
    (nodePort ? "affinity-nodeports" : "affinity") + family.suffix
  }

  private static func affinitySets(_ family: IPFamily) -> [NFSet] {
    [false, true].map { isNodePort in
      let address = NFDataType.address(family)
      return NFSet(
        affinitySet(family, nodePort: isNodePort),
        key: [address] + (isNodePort ? [] : [address]) + [.inetProtocol, .inetService],
        value: .data([address, .inetService]), flags: [.dynamic, .timeout], size: affinityLimit)
    }
  }
}

extension IPFamily {
  fileprivate var suffix: String { self == .v4 ? "4" : "6" }
}
