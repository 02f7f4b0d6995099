internal import Addressing
internal import ClusterModel
internal import Netlink

/// A UDP flow has no end that the kernel sees: as long as packets come, they go where the first one went. So flows to an
/// endpoint that is gone are deleted, after the rules have changed; the next packet chooses anew.
extension ServiceProxy.Core {
  /// Deletes flows of frontends that lost targets, unless their target still serves, and flows that were delivered to the
  /// node itself before their port became a NodePort.
  mutating func deleteFlows(released: Set<FrontendKey>, opened: Set<FrontendKey>) throws {
    for key in released.union(opened) {
      let flows = try conntrack.flows(
        ConntrackFilter(
          key.address.family, transport: TransportProtocol.udp.number,
          originalDestination: key.isNodePort ? nil : key.address, originalDestinationPort: key.port))
      try delete(flows.filter { isStale($0, key) })
    }
  }

  private mutating func delete(_ flows: [ConntrackFlow]) throws {
    if flows.isEmpty { return }
    model.statistics.deletedFlows += try conntrack.delete(flows)
  }

  private func isStale(_ flow: ConntrackFlow, _ key: FrontendKey) -> Bool {
    let keeps = model.state.frontends[key]?.keeps(Target(flow.reply.source, flow.reply.sourcePort)) == true
    if !key.isNodePort { return !keeps }
    // A port alone is no frontend: the destination must be an address that serves NodePorts, and none of a Service.
    return !keeps && servesNodePorts(flow.original.destination)
      && model.state.frontends[FrontendKey(flow.original.destination, key.transport, key.port)] == nil
  }

  private func servesNodePorts(_ address: IPAddress) -> Bool {
    model.configuration.servingRanges.contains { $0.contains(address) }
  }

  /// Looks at all UDP flows once, after a start or a repair: what changed while nobody watched is not known.
  mutating func deleteStrayFlows() throws {
    for family in IPFamily.allCases {
      let flows = try conntrack.flows(ConntrackFilter(family, transport: TransportProtocol.udp.number))
      let stale = flows.filter { flow in
        // IPVS translates without saying so in the status.
        guard flow.isDestinationTranslated || flow.reply.source != flow.original.destination else { return false }
        let key = FrontendKey(flow.original.destination, .udp, flow.original.destinationPort)
        if model.state.frontends[key] != nil { return isStale(flow, key) }
        let nodePort = FrontendKey.nodePort(family, .udp, key.port)
        if model.state.frontends[nodePort] != nil, servesNodePorts(key.address) { return isStale(flow, nodePort) }
        return model.configuration.serviceRanges.contains { $0.contains(key.address) }
      }
      try delete(stale)
    }
  }
}
