internal import Addressing
internal import ClusterModel
internal import Netlink

/// A UDP flow has no end that the kernel sees: as long as packets come, they go where the first one went. So flows to an
/// endpoint that is gone are deleted, after the rules have changed; the next packet chooses anew.
extension ServiceProxy.Core {
  /// Deletes flows of frontends that lost targets, unless their target still serves.
  mutating func deleteFlows(released keys: Set<FrontendKey>) throws {
    for key in keys {
      let flows = try conntrack.flows(
        ConntrackFilter(
          key.address.family, transport: TransportProtocol.udp.number, originalDestination: key.address,
          originalDestinationPort: key.port))
      let frontend = state.frontends[key]
      let stale = flows.filter { frontend?.keeps(Target($0.reply.source, $0.reply.sourcePort)) != true }
      statistics.deletedFlows += try conntrack.delete(stale)
    }
  }

  /// Looks at all UDP flows once, after a start or a repair: what changed while nobody watched is not known.
  mutating func deleteStrayFlows() throws {
    for family in IPFamily.allCases {
      let flows = try conntrack.flows(ConntrackFilter(family, transport: TransportProtocol.udp.number))
      let stale = flows.filter { flow in
        let key = FrontendKey(flow.original.destination, .udp, flow.original.destinationPort)
        if let frontend = state.frontends[key] {
          return flow.isDestinationTranslated
            && !frontend.keeps(Target(flow.reply.source, flow.reply.sourcePort))
        }
        return flow.isDestinationTranslated
          && configuration.serviceRanges.contains { $0.contains(flow.original.destination) }
      }
      statistics.deletedFlows += try conntrack.delete(stale)
    }
  }
}
