/// How Services are held in the kernel.
package enum ServiceBackendKind: Hashable, Sendable {
  /// One table of constant chains, Services and endpoints its elements (the default).
  case nftables
  /// Chains as kube-proxy's iptables mode has them.
  case iptables(IPTablesVariant)
  /// Virtual services of IPVS, as kube-proxy's ipvs mode has them.
  case ipvs(IPVSScheduler)

  /// As kube-proxy names its modes, at `/proxyMode`.
  package var mode: String {
    switch self {
    case .nftables: "nftables"
    case .iptables: "iptables"
    case .ipvs: "ipvs"
    }
  }
}

/// What a back end works on: what is known of the node, what the kernel shall hold, what was done.
struct ServiceModel {
  var configuration: ServiceProxyConfiguration
  var state: ServiceState
  var statistics = ServiceProxy.Statistics()
}

/// A way to tell the kernel of Services. Not for use by two threads at once.
protocol ServiceBackend: AnyObject {
  /// Reads what the kernel holds and writes what differs. May move targets to the slots the kernel has them in.
  func repair(_ model: inout ServiceModel) throws

  /// Writes what changed. After an error nobody knows what the kernel holds, and a repair follows.
  func apply(_ changes: ServiceChanges, _ model: inout ServiceModel) throws

  /// Whether what we wrote is still there, as far as can be seen cheaply; for what the kernel does not announce.
  func isIntact() throws -> Bool

  /// What the kernel has counted, of endpoints too if asked, which is longer to read; nil where nothing is counted.
  func counts(endpoints: Bool) throws -> ServiceCounts?

  /// Transactions of nf_tables so far, by which the generation rose; nil where programs make them, who do not tell.
  var generations: UInt32? { get }

  /// Removes everything this back end put into the kernel, if it was us; what others made is left alone.
  func remove() throws
}

extension ServiceBackend {
  var generations: UInt32? { nil }
}
