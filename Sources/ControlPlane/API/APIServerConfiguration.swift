package import Addressing

/// What an API server is started with.
package struct APIServerConfiguration: Sendable {
  /// The SQLite file; made where there is none.
  package var databasePath: String
  /// Ranges of Service addresses, one a family; the first is the one of single-stack Services.
  package var serviceRanges: [Prefix]
  package var nodePorts: ClosedRange<Int> = 30000...32767
  /// Where nodes and pods reach the API, one a family: the endpoints behind the Service `default/kubernetes`. Empty leaves
  /// it without endpoints.
  package var advertisedAddresses: [IPAddress] = []
  package var advertisedPort: UInt16 = 6443
  /// The folder of the certificate authority, certificates, keys and tokens; nil where only calls inside the process are
  /// served.
  package var pkiPath: String?
  /// Names and addresses the serving certificate is for, beyond the Service's own and `localhost`.
  package var serverNames: [String] = []
  package var clusterDomain = "cluster.local"
  /// How far a watch may lag behind before it must start anew.
  package var historyLimit = StoreHistoryLimit()
  /// What a client may take of the HTTPS server.
  package var http = HTTPLimits()

  package init(databasePath: String, serviceRanges: [Prefix]) {
    self.databasePath = databasePath
    self.serviceRanges = serviceRanges
  }

  /// The families of the Service `default/kubernetes`: that of the first range, and the other if the API is advertised in
  /// it too.
  var ownFamilies: [IPFamily] {
    let families = serviceRanges.map(\.family)
    return families.prefix(1)
      + families.dropFirst().filter { family in advertisedAddresses.contains { $0.family == family } }
  }

  /// What cannot be served; nil if all goes together.
  package var fault: String? {
    for (option, families) in [
      ("service-range", serviceRanges.map(\.family)), ("advertise-address", advertisedAddresses.map(\.family)),
    ] where Set(families).count < families.count {
      return "option --\(option): found two of one family, expected at most one IPv4 and one IPv6"
    }
    if let primary = serviceRanges.first?.family, let first = advertisedAddresses.first,
      !advertisedAddresses.contains(where: { $0.family == primary })
    {
      return
        "option --advertise-address: found only \(first), but the first Service range is \(primary.name), and so is "
        + "the Service default/kubernetes: give an \(primary.name) address, or the other Service range first"
    }
    return nil
  }
}
