internal import Addressing
internal import ClusterModel
internal import Kubernetes

/// What policies want to know of a pod that has addresses of its own.
struct PolicyPod: Equatable {
  let id: NamespacedName
  let labels: [String: String]
  let addresses: [IPAddress]
  let namedPorts: [Pod.NamedPort]
  let node: String?
  let isTerminating: Bool

  /// nil for a pod that policies do not see: on the host's network it is its node, and one that ended or has no address
  /// yet has no network. Addresses of other families than the node's are left out.
  init?(_ pod: Pod, families: [IPFamily]) {
    guard !pod.isHostNetwork, !pod.isTerminal else { return nil }
    addresses = pod.addresses.filter { families.contains($0.family) }
    if addresses.isEmpty { return nil }
    id = pod.id
    labels = pod.labels
    namedPorts = pod.namedPorts
    node = pod.node
    isTerminating = pod.isTerminating
  }

  /// What the pod gives to a set, in a namespace with these labels.
  func elements(in set: PolicySet, namespaceLabels: [String: String]) -> [PolicyElement] {
    func isChosen(_ key: SelectorKey) -> Bool {
      key.includes(namespace: id.namespace, labels: namespaceLabels) && key.pods.matches(labels)
    }
    switch set {
    case .pods(let key): return isChosen(key) ? addresses.map(PolicyElement.address) : []
    case .namedPort(let key, let name, let transport):
      // Of two containers that give one name the first counts, as for Services.
      guard let port = namedPorts.first(where: { $0.name == name && $0.transport == transport }), isChosen(key) else {
        return []
      }
      return addresses.map { .addressPort($0, port.number) }
    case .known, .itself, .nodeRanges, .blocks, .ports: return []
    }
  }
}
