package import Linux
internal import JSON

/// The networks that have leases on a node.
package enum LeaseNetworks {
  /// The names of the folders with leases in a data directory.
  package static func names(in dataDirectory: String) throws(SystemError) -> [String] {
    guard Files.exists(dataDirectory) else { return [] }
    return try Files.list(dataDirectory).filter { isCNIName($0) && Files.isDirectory("\(dataDirectory)/\($0)") }
  }

  /// The range sets of a network, from the configuration of that name that the runtime would find first; nil if there is
  /// none, or none of its plugins keeps leases as host-local does.
  package static func rangeSets(of network: String, configurationDirectory: String) throws -> [LeaseRangeSet]? {
    guard Files.exists(configurationDirectory) else { return nil }
    for name in try Files.list(configurationDirectory)
    where [".conflist", ".conf", ".json"].contains(where: { name.hasSuffix($0) }) {
      guard let json = try? JSON(parsing: Files.read("\(configurationDirectory)/\(name)")),
        json["name"].string == network
      else { continue }
      let plugins = json["plugins"].isNull ? [json] : json["plugins"].elements
      guard let ipam = plugins.map({ $0["ipam"] }).first(where: { $0["type"] == "host-local" }) else { continue }
      do { return try LeaseRangeSet.sets(ipam: ipam) } catch {
        throw CNIError(error.code, "\(configurationDirectory)/\(name): \(error.message)", details: error.details)
      }
    }
    return nil
  }
}
