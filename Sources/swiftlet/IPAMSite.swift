import Linux
import Netlink
import PodNetwork

/// The leases that a command line of `swiftlet ipam` is about.
struct IPAMSite {
  let dataDirectory: String
  let configurationDirectory: String
  /// The networks asked for.
  let networks: [String]
  private let all: [String]

  init(_ options: CommandLineOptions) throws {
    dataDirectory = options["data-dir"] ?? NetworkConfiguration.defaultDataDirectory
    configurationDirectory = options["cni-conf-dir"] ?? "/etc/cni/net.d"
    all = try LeaseNetworks.names(in: dataDirectory)
    guard let network = options["network"] else {
      networks = all
      return
    }
    guard all.contains(network) else {
      throw UsageError(
        "option --network: \(network) has no leases in \(dataDirectory); "
          + (all.isEmpty ? "no network has" : "those that have are \(all.joined(separator: ", "))"))
    }
    networks = [network]
  }

  func store(_ network: String) -> LeaseStore { LeaseStore(dataDirectory: dataDirectory, network: network) }

  func liveLinks() throws -> LiveLinks { try LiveLinks(try RouteSocket()) }

  func reports() throws -> [LeaseReport] {
    let live = try liveLinks()
    return try networks.map { network in
      var others: [String: LeaseStore] = [:]
      for other in all where other != network { others[other] = store(other) }
      return try LeaseReport(
        store(network), network: network,
        sets: try LeaseNetworks.rangeSets(of: network, configurationDirectory: configurationDirectory), live: live,
        others: others)
    }
  }
}
