package import Addressing
package import ClusterModel
internal import Kubernetes

/// Whether one end may open a connection to another, and who says so.
package struct PolicyVerdict: Hashable, Sendable {
  /// What one direction says.
  package enum Reason: Hashable, Sendable, CustomStringConvertible {
    /// The end is no pod with an address of its own: policies do not isolate it.
    case notAPod
    /// No policy isolates the pod in this direction.
    case notIsolated
    /// A pod always reaches itself.
    case itself
    /// A pod and its own node always reach each other (NetworkPolicy API).
    case ownNode
    /// A rule allows it: the policy, and the rule's index in its list.
    case allowed(by: NamespacedName, rule: Int)
    /// Policies isolate the pod and none of their rules allows it.
    case denied(by: [NamespacedName])
    /// The address is of a node's pod range but no known pod has it: closed until it is known.
    case unknownPod

    package var isAllowed: Bool {
      switch self {
      case .notAPod, .notIsolated, .itself, .ownNode, .allowed: true
      case .denied, .unknownPod: false
      }
    }

    package var description: String {
      switch self {
      case .notAPod: "no pod"
      case .notIsolated: "no policy isolates it"
      case .itself: "a pod always reaches itself"
      case .ownNode: "a pod and its own node always reach each other"
      case .allowed(let policy, let rule): "allowed by rule \(rule) of \(policy)"
      case .denied(let policies):
        "isolated by \(policies.map(\.description).joined(separator: ", ")); no rule allows it"
      case .unknownPod: "no known pod has this address of a node's pod range"
      }
    }
  }

  /// What the client's policies say.
  package let egress: Reason
  /// What the server's policies say.
  package let ingress: Reason

  package var isAllowed: Bool { egress.isAllowed && ingress.isAllowed }
}

extension PolicyVerdict {
  /// Judges a connection by the NetworkPolicy API alone, after a Service's address was translated to a backend's:
  /// `transport` nil stands for any other protocol, such as ICMP, and then `port` does not count.
  ///
  /// It is written apart from the compiler, walks every policy, and is its oracle in tests.
  package static func evaluate(
    from client: IPAddress, to server: IPAddress, _ transport: TransportProtocol?, port: UInt16, in state: ClusterState
  ) -> PolicyVerdict {
    if client == server, state.pod(at: client) != nil { return PolicyVerdict(egress: .itself, ingress: .itself) }
    let connection = Connection(client: client, server: server, transport: transport, port: port, state: state)
    return PolicyVerdict(egress: connection.judge(.egress), ingress: connection.judge(.ingress))
  }
}

private struct Connection {
  let client: IPAddress
  let server: IPAddress
  let transport: TransportProtocol?
  let port: UInt16
  let state: ClusterState

  func judge(_ direction: PolicyDirection) -> PolicyVerdict.Reason {
    let (mine, other) = direction == .egress ? (client, server) : (server, client)
    guard let pod = state.pod(at: mine) else {
      let home = state.nodes.values.first { $0.podRanges.contains { $0.contains(mine) } }
      if let home, !Self.isOwn(mine, of: home) {
        return Self.isOwn(other, of: home) ? .ownNode : .unknownPod
      }
      return .notAPod
    }
    if let name = pod.node, let node = state.nodes[name], Self.isOwn(other, of: node) { return .ownNode }
    let isolating = state.policies(inNamespace: pod.id.namespace).filter { policy in
      policy.selector.matches(pod.labels) && (direction == .egress ? policy.egress : policy.ingress) != nil
    }
    if isolating.isEmpty { return .notIsolated }
    for policy in isolating {
      let rules = (direction == .egress ? policy.egress : policy.ingress) ?? []
      for (index, rule) in rules.enumerated() where matches(rule, of: policy, other) {
        return .allowed(by: policy.id, rule: index)
      }
    }
    return .denied(by: isolating.map(\.id))
  }

  /// An address of the node itself: one of its own, or the bridge's, the first of its pod range.
  static func isOwn(_ address: IPAddress, of node: Node) -> Bool {
    node.addresses.contains(address) || node.podRanges.contains { $0.address(at: 1) == address }
  }

  func matches(_ rule: NetworkPolicy.Rule, of policy: NetworkPolicy, _ other: IPAddress) -> Bool {
    let peerMatches = rule.peers.isEmpty || rule.peers.contains { matches($0, of: policy, other) }
    return peerMatches && (rule.ports.isEmpty || rule.ports.contains(where: matches))
  }

  func matches(_ peer: NetworkPolicy.Peer, of policy: NetworkPolicy, _ other: IPAddress) -> Bool {
    switch peer {
    case .block(let prefix, let except):
      return prefix.contains(other) && !except.contains { $0.contains(other) }
    case .pods(let selector, let namespaces):
      guard let pod = state.pod(at: other), selector.matches(pod.labels) else { return false }
      guard let namespaces else { return pod.id.namespace == policy.id.namespace }
      let labels =
        state.namespaces[pod.id.namespace]?.labels ?? ["kubernetes.io/metadata.name": pod.id.namespace]
      return namespaces.matches(labels)
    }
  }

  func matches(_ wanted: NetworkPolicy.Port) -> Bool {
    guard wanted.transport == transport else { return false }
    switch wanted.port {
    case nil: return true
    case .number(let number): return number <= port && port <= wanted.endPort ?? number
    case .name(let name):
      let named = state.pod(at: server)?.namedPorts.first { $0.name == name && $0.transport == transport }
      return named?.number == port
    }
  }
}
