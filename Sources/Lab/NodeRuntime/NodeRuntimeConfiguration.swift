package import Addressing
package import Linux

/// What a node's runtime needs to know; all paths are absolute.
package struct NodeRuntimeConfiguration: Sendable {
  /// Name of the Node object.
  package var nodeName: String
  /// InternalIP addresses, the primary one first.
  package var nodeAddresses: [IPAddress]
  /// The node carries the role label `control-plane` and its taint NoSchedule.
  package var isControlPlane = false
  /// Pods' state is kept in `pods/UID/` below it.
  package var stateDirectory: String
  /// Where the CNI configuration list appears.
  package var networkConfigurationDirectory: String
  /// Where CNI plugins are, in the order they are looked for.
  package var networkBinaryDirectories: [String]
  /// The program `swiftlet-pause`.
  package var pauseProgram: String
  /// `nameserver` addresses of pods with dnsPolicy ClusterFirst.
  package var clusterDNS: [IPAddress]
  package var clusterDomain = "cluster.local"
  /// The node's own resolv.conf and hosts.
  package var resolverConfiguration = "/etc/resolv.conf"
  package var hosts = "/etc/hosts"
  /// A cgroup v2 directory below which each pod gets one of its own; nil: processes stay in the runtime's group.
  package var controlGroup: String?
  /// The node's network namespace; nil if the runtime itself runs in it, as it does but in tests.
  package var namespace: NetworkNamespace?
  package var restartBackoff = RestartBackoff()
  /// A container's log is cut beyond this many bytes; one older part is kept beside it.
  package var maximumLogSize = 1 << 20
  /// How logs, commands and ports of pods are served to the API server; nil: they are not.
  package var streams: NodeServerConfiguration?
  /// Seconds between renewals of the node's Lease.
  package var leaseInterval = 10.0
  /// Gets one line for every thing an operator may want to know.
  package var log: @Sendable (String) -> Void = { _ in }

  package init(
    nodeName: String, nodeAddresses: [IPAddress], stateDirectory: String, networkConfigurationDirectory: String,
    networkBinaryDirectories: [String], pauseProgram: String, clusterDNS: [IPAddress]
  ) {
    self.nodeName = nodeName
    self.nodeAddresses = nodeAddresses
    self.stateDirectory = stateDirectory
    self.networkConfigurationDirectory = networkConfigurationDirectory
    self.networkBinaryDirectories = networkBinaryDirectories
    self.pauseProgram = pauseProgram
    self.clusterDNS = clusterDNS
  }
}
