/// What the servers of nodes and the API server know of each other.
package enum NodeTrust {
  /// The common name of the certificate that the API server shows to the servers of nodes. They serve nobody else.
  package static let apiServerName = "kube-apiserver-kubelet-client"
  /// A kubelet's port.
  package static let port: UInt16 = 10250
}
