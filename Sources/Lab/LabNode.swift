package import Addressing
package import NodeRouting

/// A node of the lab: a network namespace with an address a family on the node network.
package struct LabNode: Hashable, Sendable {
  /// What was done to a node on purpose.
  package enum State: String, Hashable, Sendable, CaseIterable {
    case running
    /// Powered off: no process, no link.
    case killed
    /// Cut off from the others, and going on.
    case partitioned
  }

  package let name: String
  /// One a family, the primary one first.
  package let addresses: [IPAddress]
  /// The subnets that the addresses are of, in the same order.
  package let subnets: [Prefix]
  /// Which of the underlay's subnets, counted from 0.
  package let subnetIndex: Int
  package let state: State
  /// How it carries pods to other nodes.
  package let routing: RoutingMode
  /// Runs HAProxy for Ingress objects.
  package let isGateway: Bool

  package init(
    name: String, addresses: [IPAddress], subnets: [Prefix], subnetIndex: Int = 0, state: State = .running,
    routing: RoutingMode = .vxlan, isGateway: Bool = false
  ) {
    self.name = name
    self.addresses = addresses
    self.subnets = subnets
    self.subnetIndex = subnetIndex
    self.state = state
    self.routing = routing
    self.isGateway = isGateway
  }

  /// The address of the primary family.
  package var address: IPAddress { addresses[0] }
  package func address(_ family: IPFamily) -> IPAddress? { addresses.first { $0.family == family } }
  /// The Ethernet address of its interface: that of its address, as a machine keeps its card over a reboot. So no neighbour
  /// remembers another for it, whoever had the address before.
  package var mac: MACAddress { Self.mac(of: address) }
  /// Its default gateways, one a family: the first address of its subnets.
  package var gateways: [IPAddress] { subnets.map { $0.address(at: 1)! } }

  /// A MAC address for an address of the underlay, the same each time the lab is made.
  package static func mac(of address: IPAddress) -> MACAddress {
    MACAddress(rawValue: 0x026C_0000_0000 | UInt64(address.number & 0xFFFF_FFFF))
  }
}
