/// Who will make the cluster: each has limits of its own (`PlanLimit`).
package enum PlanTarget: String, Hashable, Sendable, CaseIterable {
  /// Kubernetes itself: what kube-apiserver and kube-controller-manager demand, however they are started.
  case kubernetes
  case kubeadm
  /// Amazon EKS with the VPC CNI plugin: pods have addresses of VPC subnets.
  case eks
  /// Google GKE, VPC-native: pods and Services have secondary ranges of the subnet.
  case gke
  /// Azure AKS with CNI overlay.
  case aks

  /// Addresses of a node subnet that no node gets: network, gateway and broadcast; clouds keep more.
  package var reservedNodeAddresses: Int {
    switch self {
    case .kubernetes, .kubeadm: 3
    case .gke: 4
    case .eks, .aks: 5
    }
  }

  /// How a sentence names it.
  package var name: String {
    switch self {
    case .kubernetes: "Kubernetes"
    case .kubeadm: "kubeadm"
    case .eks: "EKS"
    case .gke: "GKE"
    case .aks: "AKS"
    }
  }
}
