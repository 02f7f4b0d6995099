internal import Addressing
internal import JSON
internal import Linux
internal import Netlink

extension CNIPlugin {
  /// CHECK: throws what is not as ADD made it.
  func check(_ request: CNIRequest, _ configuration: NetworkConfiguration) throws {
    guard configuration.previousResult.object != nil else {
      throw CNIError(.invalidConfiguration, "CHECK needs prevResult, the result of ADD, in the configuration")
    }
    let result = try CNIResult(configuration.previousResult)
    let attachment = attachment(request)
    let podRoutes = try podSocket(try podNamespace(request), request)
    let wiring = try PodWiring(configuration)
    var differences: [String] = []
    if configuration.makesLink {
      let leases = leases(configuration)
      if try wiring.hostLink(of: attachment) == nil,
        !result.addresses.contains(where: { leases.holder(of: $0.address) == attachment })
      {
        throw CNIError(
          .unknownContainer,
          "network \(configuration.name) has neither a link nor an address of container \(attachment.containerID)")
      }
      differences = try wiring.differences(from: result, attachment, podRoutes: podRoutes, leases: leases)
    }
    differences += try extrasDifferences(attachment, configuration, result, host: wiring.host, podRoutes)
    guard differences.isEmpty else {
      throw CNIError(
        .checkFailed, "the pod's network is not as ADD made it", details: differences.joined(separator: "; "))
    }
  }

  private func extrasDifferences(
    _ attachment: NetworkConfiguration.Attachment, _ configuration: NetworkConfiguration, _ result: CNIResult,
    host: RouteSocket, _ podRoutes: RouteSocket
  ) throws -> [String] {
    let runtime = configuration.runtime
    var differences: [String] = []
    if runtime.isShaped {
      let shaping = PodShaping(host: host, network: configuration.name)
      if let link = try hostEnd(of: attachment.interfaceName, host: host, podRoutes) {
        differences += try shaping.differences(runtime, link, attachment)
      } else {
        differences.append("\(attachment.interfaceName) has no end on the node that could be limited")
      }
    }
    guard !runtime.portMappings.isEmpty, let position = result.interface(attachment.interfaceName) else {
      return differences
    }
    let owner = HostPortOwner(network: configuration.name, attachment)
    let wanted = try HostPortEntry.compile(
      runtime.portMappings, addresses: result.addresses(of: position), owner: owner)
    return differences + (try HostPorts().differences(wanted))
  }

  /// STATUS: throws why no pod can be added. 51 where those that are there suffer too.
  func status(_ configuration: NetworkConfiguration) throws {
    guard configuration.makesLink else { return }
    guard !configuration.rangeSets.isEmpty else {
      throw CNIError(
        .notAvailable,
        "network \(configuration.name) has no pod range yet: ipam.ranges is empty; "
          + "the node gets one from the cluster (spec.podCIDRs of its Node)")
    }
    let leases = leases(configuration)
    let count = try leases.leases().count
    if count > 0 { try checkConnectivity(configuration, leases: count) }
    do { try leases.checkAvailability(of: configuration.rangeSets) } catch let error as CNIError {
      throw CNIError(.notAvailable, error.message, details: error.details)
    }
  }

  /// With the first pod the bridge is there, and stays.
  private func checkConnectivity(_ configuration: NetworkConfiguration, leases: Int) throws {
    let routes = try RouteSocket()
    let bridge = try NodeBridge(configuration.bridge, routes: routes).link()
    guard let bridge, bridge.isUp else {
      throw CNIError(
        .limitedConnectivity,
        "bridge \(configuration.bridge) is \(bridge == nil ? "missing" : "down"), but \(leases) addresses are leased; "
          + (bridge == nil
            ? "the next ADD makes it, but pods that were connected to it must be made anew"
            : "set it up: ip link set \(configuration.bridge) up"))
    }
  }
}

extension HostPorts {
  /// What the table lacks of what it should hold, for CHECK; empty if all is well.
  func differences(_ wanted: [HostPortEntry]) throws -> [String] {
    let present = try entries()
    return wanted.compactMap { entry in
      let leads = present.contains { other in
        var other = other
        guard other.owner.isSame(as: entry.owner) else { return false }
        other.owner = entry.owner
        return other == entry
      }
      return leads ? nil : "host port \(entry.described) does not lead to \(entry.podAddress)"
    }
  }
}
