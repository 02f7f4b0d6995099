package import Addressing

extension PodWiring {
  /// What `repair` did.
  package struct Repairs: Hashable, Sendable {
    /// The table that keeps pods from forging addresses had been changed.
    package var isSpoofingTableWritten = false
    /// Gateways of ranges that the node no longer has, and no pod uses.
    package var removedGateways: [IPAddress] = []
  }

  /// Makes the node's own side what it should be: the bridge with its addresses and the route to the Services, also before
  /// the first pod, and the table that keeps pods from forging addresses. Each ADD does so too, as far as it needs.
  package func repair() throws -> Repairs {
    var repairs = Repairs()
    _ = try bridge.ensure(configuration)
    repairs.removedGateways = try bridge.removeStaleGateways(keeping: configuration)
    repairs.isSpoofingTableWritten = try repairSpoofingTable()
    return repairs
  }
}
