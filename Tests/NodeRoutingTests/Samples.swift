import Addressing
import ClusterModel
import NodeRouting

/// A node of ours, as its object reads once its agent has announced it.
func node(
  _ name: String, mode: RoutingMode? = .vxlan, at underlay: [String] = ["192.0.2.9"], pods: [String],
  annotations: [String: String] = [:]
) -> Node {
  var node = Node(name: name)
  node.addresses = underlay.map { IPAddress($0)! }
  node.podRanges = pods.map { Prefix($0)! }
  if let mode {
    node.annotations[RouteAnnotation.mode] = mode.rawValue
    node.annotations[RouteAnnotation.flannelType] = mode.flannelType
    for address in node.addresses {
      let text = VTEP(id: 1, mac: VTEP.mac(of: name, underlay: address.family)).text
      node.annotations[address.family == .v4 ? RouteAnnotation.vtep : RouteAnnotation.vtep6] = text
      node.annotations[address.family == .v4 ? RouteAnnotation.publicIP : RouteAnnotation.publicIP6] = "\(address)"
    }
  }
  node.annotations.merge(annotations) { $1 }
  return node
}

/// A table with these nodes, in the order given.
func table(_ nodes: [Node], own: String = "own") -> PeerTable {
  var table = PeerTable(own: own)
  for node in nodes { _ = table.set(node.name, RoutePeer(node)) }
  return table
}
