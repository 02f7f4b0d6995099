import Addressing
package import ClusterModel
internal import Kubernetes

/// Says whether NetworkPolicy v1 lets a connection through, by reading the policies as the API documents them, rule by
/// rule. Slow and plain on purpose: it shares nothing with the compiler of the data plane, so that the two can be compared.
package struct PolicyPrediction: Sendable {
  package let namespaces: [String: Namespace]
  package let policies: [NetworkPolicy]

  package init(namespaces: [String: Namespace], policies: [NetworkPolicy]) {
    self.namespaces = namespaces
    self.policies = policies
  }

  /// Why a connection may pass, or what stops it.
  package enum Verdict: Hashable, Sendable {
    case allowed
    /// The policies that isolate the pod in this direction, none of which allows the connection.
    case denied(direction: Direction, by: [NamespacedName])

    package var isAllowed: Bool { self == .allowed }
  }

  package enum Direction: String, Hashable, Sendable { case ingress, egress }

  /// A connection from one pod to a port of another, as it looks after a Service's address was replaced by the backend's.
  package func verdict(from client: Pod, to server: Pod, _ transport: TransportProtocol, port: UInt16) -> Verdict {
    // A pod reaches itself whatever the policies say.
    if client.id == server.id { return .allowed }
    let egress = verdict(.egress, of: client, peer: server, target: server, transport, port)
    if egress != .allowed { return egress }
    return verdict(.ingress, of: server, peer: client, target: server, transport, port)
  }

  private func verdict(
    _ direction: Direction, of pod: Pod, peer: Pod, target: Pod, _ transport: TransportProtocol, _ port: UInt16
  ) -> Verdict {
    // Pods of the node's own network are outside of policy.
    if pod.isHostNetwork { return .allowed }
    let isolating = policies.filter {
      $0.id.namespace == pod.id.namespace && $0.selector.matches(pod.labels) && $0.rules(direction) != nil
    }
    if isolating.isEmpty { return .allowed }
    for policy in isolating {
      for rule in policy.rules(direction) ?? []
      where (rule.peers.isEmpty || rule.peers.contains { matches($0, peer, of: policy) })
        && (rule.ports.isEmpty || rule.ports.contains { matches($0, target, transport, port) })
      {
        return .allowed
      }
    }
    return .denied(direction: direction, by: isolating.map(\.id))
  }

  private func matches(_ peer: NetworkPolicy.Peer, _ pod: Pod, of policy: NetworkPolicy) -> Bool {
    switch peer {
    case .pods(let selector, let namespaceSelector):
      // Selectors do not match pods of the node's own network: they are seen as the node.
      if pod.isHostNetwork || !selector.matches(pod.labels) { return false }
      guard let namespaceSelector else { return pod.id.namespace == policy.id.namespace }
      return namespaceSelector.matches(namespaces[pod.id.namespace]?.labels ?? [:])
    case .block(let prefix, let except):
      return pod.addresses.contains { address in
        prefix.contains(address) && !except.contains { $0.contains(address) }
      }
    }
  }

  private func matches(
    _ allowed: NetworkPolicy.Port, _ server: Pod, _ transport: TransportProtocol, _ port: UInt16
  ) -> Bool {
    guard allowed.transport == transport else { return false }
    switch allowed.port {
    case nil: return true
    case .number(let first): return (first...max(first, allowed.endPort ?? first)).contains(port)
    case .name(let name):
      return server.namedPorts.contains { $0.name == name && $0.transport == transport && $0.number == port }
    }
  }
}

extension NetworkPolicy {
  fileprivate func rules(_ direction: PolicyPrediction.Direction) -> [Rule]? {
    direction == .ingress ? ingress : egress
  }
}
