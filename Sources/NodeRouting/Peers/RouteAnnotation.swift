/// The annotations by which nodes tell one another how they are reached: flannel's, and our own beside them.
package enum RouteAnnotation {
  package static let flannelPrefix = "flannel.alpha.coreos.com/"
  package static let ownPrefix = "swiftlet.dev/"
  /// Calico's, of which those of BGP are read.
  package static let calicoPrefix = "projectcalico.org/"

  /// flannel: the node is managed through its Node object.
  package static let flannelManager = flannelPrefix + "kube-subnet-manager"
  /// flannel: `vxlan`, `host-gw`, `ipip`, `wireguard`, …
  package static let flannelType = flannelPrefix + "backend-type"
  /// flannel: what the backend must know of this node, JSON; `null` for backends that need nothing.
  package static let flannelData = flannelPrefix + "backend-data"
  /// flannel: the same for the tunnel over IPv6.
  package static let flannelData6 = flannelPrefix + "backend-v6-data"
  package static let publicIP = flannelPrefix + "public-ip"
  package static let publicIP6 = flannelPrefix + "public-ipv6"
  /// flannel, read only: announce this address instead of the node's own (a node behind address translation).
  package static let publicIPOverwrite = flannelPrefix + "public-ip-overwrite"
  package static let publicIP6Overwrite = flannelPrefix + "public-ipv6-overwrite"
  /// flannel, read only: which of the machine's addresses to use.
  package static let nodePublicIP = flannelPrefix + "node-public-ip"
  package static let nodePublicIP6 = flannelPrefix + "node-public-ipv6"
  /// The exact mode of a node of ours.
  package static let mode = ownPrefix + "routing"
  /// The tunnel ends of a node of ours: peers of another mode may need them while a cluster changes. A node of mode bgp
  /// or wireguard has them only while there are such peers.
  package static let vtep = ownPrefix + "vxlan"
  package static let vtep6 = ownPrefix + "vxlan-v6"

  /// How a node is reached by WireGuard: its key, the one that follows, and its port.
  package static let wireguard = ownPrefix + "wireguard"
  /// Written by an operator: each new value has the node change its WireGuard key once.
  package static let wireguardRotation = ownPrefix + "wireguard-rotate"

  /// Those that an agent writes, and removes where they no longer hold.
  package static let written: Set<String> = [
    flannelManager, flannelType, flannelData, flannelData6, publicIP, publicIP6, mode, vtep, vtep6, wireguard,
  ]

  static func isOfInterest(_ key: String) -> Bool {
    [flannelPrefix, ownPrefix, calicoPrefix].contains { key.hasPrefix($0) }
  }
}
