package import ClusterModel
internal import JSON
internal import Linux
internal import PodNetwork

/// The node's side of its pods' network between the calls of the plugin: the bridge with its addresses and the route to the
/// Services, and the table that keeps pods from forging addresses, as the CNI configuration wants them.
package final class WiringPlane: Plane {
  package let name = "wiring"
  private let path: String
  private let log = Log("agent wiring")

  package init(_ settings: AgentConfiguration) {
    path = "\(settings.cniConfigurationDirectory)/\(PodNetworkConfiguration.fileName)"
  }

  package func wants(_ key: ChangeKey) -> Bool { false }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {}

  package func synchronize(_ model: SharedModel) throws { try look() }

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws { try look() }

  private func look() throws {
    // Before routing is ready there is no configuration, and nothing to look after.
    guard Files.exists(path) else { return }
    let list = try JSON(parsing: Files.read(path))
    let repairs = try PodWiring(NetworkConfiguration(PodNetworkConfiguration.request(of: list))).repair()
    for gateway in repairs.removedGateways {
      log.info("removed \(gateway), the gateway of a range that this node no longer has")
    }
    if repairs.isSpoofingTableWritten {
      log.warning("somebody changed the table that keeps pods from forging addresses; it is as it should be again")
    }
  }
}
