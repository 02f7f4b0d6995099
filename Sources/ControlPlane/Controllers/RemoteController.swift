/// The controllers that a cluster with an API server and a controller manager of its own may lack. They speak to it as any
/// other client.
package enum RemoteController: String, Hashable, Sendable, CaseIterable {
  /// Gives every node a part of the pod ranges, where kube-controller-manager runs without `--allocate-node-cidrs`.
  case nodeRanges = "node-ranges"
  /// Gives Services of type LoadBalancer addresses of LoadBalancerPools, where no cloud does.
  case loadBalancers = "load-balancers"
}
