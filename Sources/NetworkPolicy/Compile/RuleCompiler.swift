internal import Addressing
internal import ClusterModel

/// Turns the rules of a policy into the rules of a chain.
struct RuleCompiler {
  /// The families that pods of this node have.
  let families: [IPFamily]

  /// The rules of all policies of a chain, in their order.
  func rules(of policies: [NetworkPolicy], _ direction: PolicyDirection) -> [PolicyRule] {
    policies.flatMap { policy in
      let rules = (direction == .ingress ? policy.ingress : policy.egress) ?? []
      return rules.enumerated().flatMap { self.rules($0.element, $0.offset, of: policy, direction) }
    }
  }

  private func rules(
    _ rule: NetworkPolicy.Rule, _ index: Int, of policy: NetworkPolicy, _ direction: PolicyDirection
  ) -> [PolicyRule] {
    var result: [PolicyRule] = []
    func add(_ peer: PolicyRule.Peer, _ port: PolicyRule.Port) {
      let rule = PolicyRule(peer: peer, port: port, family: nil, policy: policy.id, index: index)
      let hasFamily = rule.sets.contains { if case .ports = $0 { false } else { true } }
      guard hasFamily else {
        result.append(rule)
        return
      }
      for family in families where Self.exists(rule.sets, family) {
        var copy = rule
        copy.family = family
        result.append(copy)
      }
    }
    let ports = ports(rule.ports)
    for peer in peers(rule.peers, of: policy) {
      for port in ports { add(peer.match, port) }
      for (name, transport) in namedPorts(rule.ports) {
        switch (direction, peer.selector) {
        case (.ingress, _):
          // The server is one of the pods that the policy selects.
          let servers = SelectorKey(.namespace(policy.id.namespace), pods: policy.selector)
          add(peer.match, .named(transport, .namedPort(servers, name: name, transport)))
        case (.egress, .some(let selector)):
          // The set holds only servers that the peer chooses: looking up the peer too would be idle.
          add(.any, .named(transport, .namedPort(selector, name: name, transport)))
        case (.egress, nil):
          // Only pods have names for ports; a block or "any" narrows them down by address.
          add(peer.match, .named(transport, .namedPort(.everyPod, name: name, transport)))
        }
      }
    }
    return result
  }

  /// Whether constant sets have elements of a family; an empty one would never match.
  private static func exists(_ sets: [PolicySet], _ family: IPFamily) -> Bool {
    sets.allSatisfy {
      if case .blocks(let ranges) = $0 { ranges.contains { $0.first.family == family } } else { true }
    }
  }

  private func peers(
    _ peers: [NetworkPolicy.Peer], of policy: NetworkPolicy
  ) -> [(match: PolicyRule.Peer, selector: SelectorKey?)] {
    if peers.isEmpty { return [(.any, nil)] }
    var result: [(match: PolicyRule.Peer, selector: SelectorKey?)] = []
    var ranges: [AddressRange] = []
    for peer in peers {
      switch peer {
      case .pods(let selector, let namespaces):
        let scope = namespaces.map(SelectorKey.Scope.namespaces) ?? .namespace(policy.id.namespace)
        let key = SelectorKey(scope, pods: selector)
        if !result.contains(where: { $0.selector == key }) { result.append((.set(.pods(key)), key)) }
      case .block(let prefix, let except):
        // An exception subtracts from its own block only; what another block allows stays allowed.
        ranges += AddressRange.block(prefix, except: except)
      }
    }
    if !ranges.isEmpty { result.append((.set(.blocks(AddressRange.merged(ranges))), nil)) }
    return result
  }

  /// What the numeric ports of a rule ask for; `any` where the rule lists no ports at all.
  private func ports(_ ports: [NetworkPolicy.Port]) -> [PolicyRule.Port] {
    if ports.isEmpty { return [.any] }
    var result: [PolicyRule.Port] = []
    for transport in TransportProtocol.allCases {
      let mine = ports.filter { $0.transport == transport }
      if mine.contains(where: { $0.port == nil }) {
        result.append(.transport(transport))
        continue
      }
      var exact: Set<UInt16> = []
      for port in mine {
        guard case .number(let number) = port.port else { continue }
        if let end = port.endPort, end != number {
          if end > number { result.append(.range(transport, number...end)) }
        } else {
          exact.insert(number)
        }
      }
      if exact.count == 1 { result.append(.exact(transport, exact.first!)) }
      if exact.count > 1 { result.append(.oneOf(transport, exact.sorted())) }
    }
    return result
  }

  /// The named ports of a rule, but for those of a protocol that is allowed whole.
  private func namedPorts(_ ports: [NetworkPolicy.Port]) -> [(String, TransportProtocol)] {
    let whole = Set(ports.filter { $0.port == nil }.map(\.transport))
    var result: [(String, TransportProtocol)] = []
    for port in ports where !whole.contains(port.transport) {
      guard case .name(let name) = port.port, !result.contains(where: { $0 == (name, port.transport) }) else {
        continue
      }
      result.append((name, port.transport))
    }
    return result
  }
}
