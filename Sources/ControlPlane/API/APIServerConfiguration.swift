package import Addressing

/// What an API server is started with.
package struct APIServerConfiguration: Sendable {
  /// The SQLite file; made where there is none.
  package var databasePath: String
  /// Ranges of Service addresses, one a family; the first is the one of single-stack Services.
  package var serviceRanges: [Prefix]
  package var nodePorts: ClosedRange<Int> = 30000...32767
  /// Where nodes and pods reach the API: the endpoint behind the Service `default/kubernetes`. Nil leaves it without
  /// endpoints.
  package var advertisedAddress: IPAddress?
  package var advertisedPort: UInt16 = 6443
  /// The folder of the certificate authority, certificates, keys and tokens; nil where only calls inside the process are
  /// served.
  package var pkiPath: String?
  /// Names and addresses the serving certificate is for, beyond the Service's own and `localhost`.
  package var serverNames: [String] = []
  package var clusterDomain = "cluster.local"
  /// How many changes of one resource a watch may lag behind before it must start anew.
  package var historyLimit = 4096

  package init(databasePath: String, serviceRanges: [Prefix]) {
    self.databasePath = databasePath
    self.serviceRanges = serviceRanges
  }
}
