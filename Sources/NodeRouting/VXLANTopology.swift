package import Addressing
package import ClusterModel

/// The tunnel end of one node, as its peers program it: where its pods are, and how to get there.
package struct VXLANPeer: Hashable, Sendable {
  /// The pods' addresses on that node.
  package var podRange: Prefix
  /// The tunnel end's address, the first one of the pod range (as flannel chooses it).
  package var tunnelAddress: IPAddress { podRange.first }
  package var mac: MACAddress
  /// The node's address outside the tunnel.
  package var publicAddress: IPAddress

  package init(podRange: Prefix, mac: MACAddress, publicAddress: IPAddress) {
    self.podRange = podRange
    self.mac = mac
    self.publicAddress = publicAddress
  }
}

/// What one node needs of VXLAN: compiled from Nodes, without looking at the machine.
package struct VXLANTopology: Hashable, Sendable {
  /// What cannot be routed, and why; said once and skipped, so that one bad Node harms only itself.
  package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    package var node: String
    package var reason: String
    package var description: String { "node \(node): \(reason)" }
  }

  /// The node's own pod range of the tunnel's family; nil until the control plane has given it one.
  package var ownRange: Prefix?
  /// By node name.
  package var peers: [String: VXLANPeer] = [:]
  package var problems: [Problem] = []

  /// IPv4 pod ranges; a node without one yet, or without an announcement, is no peer yet. Of two nodes that claim
  /// overlapping ranges the first by name keeps its own.
  package init(own: String, nodes: some Sequence<Node>) {
    var claimed: [(node: String, range: Prefix)] = []
    for node in nodes.sorted(by: { $0.name < $1.name }) {
      guard let range = node.podRanges.first(where: { $0.family == .v4 }) else { continue }
      if let other = claimed.first(where: { $0.range.overlaps(range) }) {
        problems.append(
          Problem(
            node: node.name,
            reason:
              "pod range \(range) overlaps \(other.range) of node \(other.node); it is not routed until spec.podCIDR differs"
          ))
        continue
      }
      claimed.append((node.name, range))
      if node.name == own {
        ownRange = range
        continue
      }
      guard let announcement = VXLANAnnouncement(of: node) else { continue }
      peers[node.name] = VXLANPeer(
        podRange: range, mac: announcement.mac, publicAddress: announcement.publicAddress)
    }
  }
}
