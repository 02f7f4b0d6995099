package import Addressing
package import Diagnosis

/// What one lab consists of: decided by `lab up`, written down once, read by everything else.
package struct LabConfiguration: Hashable, Sendable {
  package let ranges: RangePlan
  /// The node that runs the control plane and no pods.
  package let control: LabNode
  /// The nodes that run pods, in order.
  package let workers: [LabNode]
  /// The port of the API on the host's 127.0.0.1.
  package var apiPort: Int
  /// Folder of `swiftlet`, `swiftlet-cni` and `swiftlet-pause`.
  package let executables: String

  /// The world beyond the nodes' gateway: TEST-NET-3 (RFC 5737), so that nothing real can be meant.
  package static let outsideRange = PlannedRange(
    .reserved, Prefix("203.0.113.0/24")!, from: "the lab's outside world")
  /// The resolver of the outside world, upstream of cluster DNS.
  package static let outsideResolver = IPAddress("203.0.113.53")!
  /// A web server in the outside world.
  package static let outsideServer = IPAddress("203.0.113.80")!
  /// Names the outside resolver knows.
  package static let outsideNames: [(name: String, address: IPAddress)] = [
    ("www.outside.example", outsideServer), ("ns.outside.example", outsideResolver),
  ]
  /// The port of the API inside the lab.
  package static let apiPortInside = 6443
  /// Offset of the first worker's address in the node range; .1 is the gateway, .2 the control node.
  private static let firstWorkerOffset = 11

  /// Addresses of the node range that this many workers need, network and broadcast address included.
  package static func nodeAddresses(workers: Int) -> Int { firstWorkerOffset + workers + 1 }

  /// With a gateway the first worker runs HAProxy.
  package init(ranges: RangePlan, workerCount: Int, apiPort: Int, executables: String, hasGateway: Bool) {
    self.ranges = ranges
    self.apiPort = apiPort
    self.executables = executables
    let range = ranges.nodes.prefix
    control = LabNode(name: "control", address: range.address(at: 2)!)
    workers = (0..<workerCount).map {
      LabNode(
        name: "node\($0 + 1)", address: range.address(at: UInt128(Self.firstWorkerOffset + $0))!,
        isGateway: hasGateway && $0 == 0)
    }
  }

  /// The node whose address HTTP clients of Ingress objects use; nil if HAProxy is not installed.
  package var gatewayNode: LabNode? { workers.first { $0.isGateway } }

  /// All nodes, the control node first.
  package var nodes: [LabNode] { [control] + workers }
  /// The nodes' default gateway, in the fabric.
  package var gateway: IPAddress { ranges.nodes.prefix.address(at: 1)! }
}
