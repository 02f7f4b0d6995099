internal import Addressing
package import Netlink

extension HostPorts {
  /// Forgets UDP flows to ports that now lead to a pod, once the rules say so: a flow goes where its first packet went as
  /// long as packets come, be that a pod that is gone or the node itself.
  ///
  /// - Parameter routes: of the node; its addresses tell which flows were meant for it.
  package func forgetFlows(to added: [HostPortEntry], routes: RouteSocket) throws {
    let entries = added.filter { $0.transport == .udp }
    if entries.isEmpty { return }
    let local = Set(try routes.addresses().map(\.address))
    let conntrack = try ConntrackSocket(namespace: node)
    for entry in entries {
      let flows = try conntrack.flows(
        ConntrackFilter(
          entry.family, transport: entry.transport.rawValue, originalDestination: entry.hostAddress,
          originalDestinationPort: entry.hostPort))
      try conntrack.delete(
        flows.filter { flow in
          let destination = flow.original.destination
          return entry.hostAddress != nil || destination.isLoopback || local.contains(where: { $0 == destination })
        })
    }
  }

  /// Forgets UDP flows to pods through ports that are theirs no more.
  package func forgetFlows(of removed: [HostPortEntry]) throws {
    let entries = removed.filter { $0.transport == .udp }
    if entries.isEmpty { return }
    let conntrack = try ConntrackSocket(namespace: node)
    for entry in entries {
      try conntrack.delete(
        conntrack.flows(
          ConntrackFilter(
            entry.family, transport: entry.transport.rawValue, originalDestinationPort: entry.hostPort,
            replySource: entry.podAddress, replySourcePort: entry.containerPort)))
    }
  }
}
