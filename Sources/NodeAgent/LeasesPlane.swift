internal import Addressing
package import ClusterModel
internal import JSON
package import Linux
internal import Netlink
internal import PodNetwork

/// Gives the DEL that never came to pods that are gone: their namespace took the link along, and the lease stayed. Leases
/// of before a reboot go at the start.
package final class LeasesPlane: Plane {
  package let name = "leases"
  private let settings: AgentConfiguration
  private let namespace: NetworkNamespace?
  private let log = Log("agent leases")
  /// Used by the plane's own thread alone.
  private nonisolated(unsafe) var watch: OrphanWatch
  private nonisolated(unsafe) var nextLook = 0.0

  /// Seconds between two looks.
  private static let interval = 30.0

  /// - Parameters:
  ///   - grace: seconds for which a link must be missing.
  ///   - namespace: where the node's links are; nil is the caller's own.
  package init(_ settings: AgentConfiguration, grace: Double = 120, namespace: NetworkNamespace? = nil) {
    self.settings = settings
    self.namespace = namespace
    watch = OrphanWatch(
      LeaseStore(dataDirectory: settings.cniDataDirectory, network: PodNetworkConfiguration.defaultName), grace: grace)
  }

  package func wants(_ key: ChangeKey) -> Bool { false }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {}

  package func synchronize(_ model: SharedModel) throws {
    try watch.store.settle()
    try look()
  }

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws {
    if Time.monotonicSeconds >= nextLook { try look() }
  }

  private func look() throws {
    nextLook = Time.monotonicSeconds + Self.interval
    let request = request
    let orphans = try watch.orphans(bridge: request["bridge"].string) {
      try LiveLinks(try RouteSocket(namespace: namespace))
    }
    for orphan in orphans {
      let addresses = orphan.addresses.map(\.description).joined(separator: ", ")
      let who = orphan.pod ?? "container \(orphan.attachment.containerID)"
      let answer = CNIPlugin().answer(
        environment: [
          "CNI_COMMAND": "DEL", "CNI_CONTAINERID": orphan.attachment.containerID,
          "CNI_IFNAME": orphan.attachment.interfaceName,
        ]) { request.bytes() }
      if answer.status == 0 {
        log.info("took back \(addresses) of \(who), whose link has been gone for \(Int(watch.grace)) s")
      } else {
        log.warning("\(addresses) of \(who) stays leased: \(String(decoding: answer.output, as: UTF8.self))")
      }
    }
  }

  /// What a runtime would hand to the plugin. Where this agent has not written the configuration, or not yet, DEL gets
  /// what it cannot do without.
  private var request: JSON {
    let path = "\(settings.cniConfigurationDirectory)/\(PodNetworkConfiguration.fileName)"
    if let list = try? JSON(parsing: Files.read(path)) { return PodNetworkConfiguration.request(of: list) }
    return PodNetworkConfiguration(
      podRanges: [], serviceRanges: [], mtu: 0, dataDirectory: settings.cniDataDirectory
    ).request()
  }
}
