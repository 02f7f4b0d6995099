package import Addressing
package import Diagnosis
package import NodeRouting

/// What one lab consists of: decided by `lab up`, changed by `lab node` and `lab routing`, written down, read by everything
/// else.
package struct LabConfiguration: Hashable, Sendable {
  /// A node that runs pods, as it is written down; addresses follow from its place.
  package struct Worker: Hashable, Sendable {
    package var name: String
    /// Its place in the node range, counted from 0; never that of another node.
    package var slot: Int
    package var state = LabNode.State.running
    package var routing: RoutingMode
  }

  package let ranges: RangePlan
  /// How new nodes carry pods; all nodes, but for the moment of a change.
  package var routing: RoutingMode
  /// How pods are connected on their node: `bridge`, `bridge-shared` or `routed`.
  package let wiring: String
  package let underlay: Underlay
  /// The port of the API on the host's 127.0.0.1.
  package var apiPort: Int
  /// Folder of `swiftlet`, `swiftlet-cni` and `swiftlet-pause`.
  package let executables: String
  /// HAProxy is installed, so that the first worker serves Ingress objects.
  package let hasGateway: Bool
  /// In the order in which they came.
  package var members: [Worker]
  /// What was done to the control node: running or partitioned.
  package var controlState = LabNode.State.running
  /// How agents hold Services in the kernel.
  package var servicesBackend = "nftables"
  /// The control node's own mode.
  package var controlRouting: RoutingMode

  /// The port of the API inside the lab.
  package static let apiPortInside = 6443
  /// The values of `--wiring`.
  package static let wirings = ["bridge", "bridge-shared", "routed"]
  /// The values of `--services-backend`.
  package static let servicesBackends = ["nftables", "iptables", "iptables-nft", "iptables-legacy", "ipvs"]
  /// Offset of the first worker's address in its subnet; .1 is the gateway, .2 the control node.
  private static let firstWorkerOffset = 11

  /// Addresses of the node range that workers of slots below this number need, network and broadcast address included.
  package static func nodeAddresses(slots: Int, _ underlay: Underlay) -> Int {
    (firstWorkerOffset + slots + 1) * underlay.subnetCount
  }

  package init(
    ranges: RangePlan, members: [Worker], routing: RoutingMode = .vxlan, wiring: String = "bridge",
    underlay: Underlay = .flat, apiPort: Int, executables: String, hasGateway: Bool
  ) {
    self.ranges = ranges
    self.members = members
    self.routing = routing
    self.wiring = wiring
    self.underlay = underlay
    self.apiPort = apiPort
    self.executables = executables
    self.hasGateway = hasGateway
    controlRouting = routing
  }

  /// The first so many workers: `node1`, `node2`, …
  package static func members(_ count: Int, _ routing: RoutingMode) -> [Worker] {
    (0..<count).map { Worker(name: "node\($0 + 1)", slot: $0, routing: routing) }
  }

  /// The families of the cluster, the primary one first.
  package var families: [IPFamily] { ranges.families }

  /// The node that runs the control plane and no pods.
  package var control: LabNode { node("control", subnetIndex: 0, offset: 2, controlState, controlRouting, false) }

  /// The nodes that run pods, in order.
  package var workers: [LabNode] {
    members.enumerated().map { index, worker in
      node(
        worker.name, subnetIndex: worker.slot % underlay.subnetCount, offset: Self.firstWorkerOffset + worker.slot,
        worker.state, worker.routing, hasGateway && index == 0)
    }
  }

  private func node(
    _ name: String, subnetIndex: Int, offset: Int, _ state: LabNode.State, _ routing: RoutingMode, _ isGateway: Bool
  ) -> LabNode {
    let subnets = ranges.nodeRanges.map { underlay.subnets(of: $0.prefix)[subnetIndex] }
    return LabNode(
      name: name, addresses: subnets.map { $0.address(at: UInt128(offset))! }, subnets: subnets,
      subnetIndex: subnetIndex, state: state, routing: routing, isGateway: isGateway)
  }

  /// The node whose address HTTP clients of Ingress objects use; nil if HAProxy is not installed.
  package var gatewayNode: LabNode? { workers.first { $0.isGateway } }

  /// The API as the nodes reach it.
  package var apiURL: String { "https://\(AddressAndPort(control.address, UInt16(Self.apiPortInside)))" }

  /// All nodes, the control node first.
  package var nodes: [LabNode] { [control] + workers }
  /// The nodes' subnets, by the underlay's place and then by family.
  package var subnets: [[Prefix]] {
    (0..<underlay.subnetCount).map { index in
      ranges.nodeRanges.map { underlay.subnets(of: $0.prefix)[index] }
    }
  }
}
