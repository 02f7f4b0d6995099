internal import ClusterModel
package import Kubernetes

/// A choice of pods: two peers that say the same share one named set.
package struct SelectorKey: Hashable, Sendable {
  /// Which namespaces the pods may be in.
  package enum Scope: Hashable, Sendable {
    case namespace(String)
    case namespaces(LabelSelector)
  }

  package var scope: Scope
  package var pods: LabelSelector

  package init(_ scope: Scope, pods: LabelSelector) {
    self.scope = scope
    self.pods = pods
  }

  /// Every pod of the cluster.
  package static var everyPod: SelectorKey { SelectorKey(.namespaces(LabelSelector()), pods: LabelSelector()) }

  /// Whether pods of a namespace with these labels are in scope.
  func includes(namespace: String, labels: [String: String]) -> Bool {
    switch scope {
    case .namespace(let name): name == namespace
    case .namespaces(let selector): selector.matches(labels)
    }
  }
}
