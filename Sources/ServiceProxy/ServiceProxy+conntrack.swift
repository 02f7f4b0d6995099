internal import Addressing
internal import ClusterModel
internal import Linux
internal import Netlink

/// A UDP flow has no end that the kernel sees: as long as packets come, they go where the first one went. So flows to an
/// endpoint that is gone are deleted, after the rules have changed; the next packet chooses anew.
extension ServiceProxy.Core {
  /// Deletes flows of frontends that lost targets, unless their target still serves, and flows that were delivered to the
  /// node itself before their port became a NodePort.
  mutating func deleteFlows(released: Set<FrontendKey>, opened: Set<FrontendKey>) throws {
    for (family, keys) in Dictionary(grouping: released.union(opened), by: \.address.family) {
      let begin = Time.monotonicSeconds
      defer { searched(family, since: begin) }
      // A listing walks the whole table, whatever is asked for: one for all.
      let only = keys.count == 1 ? keys[0] : nil
      let flows = try conntrack.flows(
        ConntrackFilter(
          family, transport: TransportProtocol.udp.number,
          originalDestination: only.flatMap { $0.isNodePort ? nil : $0.address }, originalDestinationPort: only?.port))
      let meant = Set(keys)
      let stale = flows.filter { flow in
        let (address, port) = (flow.original.destination, flow.original.destinationPort)
        return [FrontendKey(address, .udp, port), .nodePort(family, .udp, port)].contains {
          meant.contains($0) && isStale(flow, $0)
        }
      }
      try delete(stale, family)
    }
  }

  private mutating func delete(_ flows: [ConntrackFlow], _ family: IPFamily) throws {
    if flows.isEmpty { return }
    model.statistics.deletedFlowsByFamily[family, default: 0] += try conntrack.delete(flows)
  }

  private mutating func searched(_ family: IPFamily, since begin: Double) {
    model.statistics.flowSearches[family, default: DurationHistogram()].add(Time.monotonicSeconds - begin)
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
      let begin = Time.monotonicSeconds
      defer { searched(family, since: begin) }
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
      try delete(stale, family)
    }
  }
}
