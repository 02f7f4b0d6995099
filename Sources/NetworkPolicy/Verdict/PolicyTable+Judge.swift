package import Addressing
package import ClusterModel

extension PolicyTable {
  /// What the compiled table says of a forwarded connection: the rules walked as the kernel walks them. `trace` predicts
  /// with it, and tests compare it with `PolicyVerdict`.
  package enum Judgement: Hashable, Sendable {
    case passes
    /// An address of the node's ranges that is not known.
    case closed(IPAddress)
    /// No rule of the chain matched.
    case dropped(PolicyChain)

    package var isAllowed: Bool { self == .passes }
  }

  /// Judges a new connection by its tuple: `server` and `port` are the backend's.
  package func judge(
    from client: IPAddress, to server: IPAddress, _ transport: TransportProtocol?, port: UInt16
  ) -> Judgement {
    if client == server, contains(.pair(client), .itself) { return .passes }
    for address in [client, server] where inRange(address, .nodeRanges) && !contains(.address(address), .known) {
      return .closed(address)
    }
    for (mine, other, map) in [(client, server, egress), (server, client, ingress)] {
      guard let chain = map[mine] else { continue }
      let isAllowed = chains[chain, default: []].contains { rule in
        guard rule.family == nil || rule.family == other.family else { return false }
        guard matches(rule.peer, other) else { return false }
        return matches(rule.port, server, transport, port)
      }
      if !isAllowed { return .dropped(chain) }
    }
    return .passes
  }

  private func contains(_ element: PolicyElement, _ set: PolicySet) -> Bool { sets[set]?.contains(element) ?? false }

  private func inRange(_ address: IPAddress, _ set: PolicySet) -> Bool {
    (sets[set] ?? []).contains { if case .range(let range) = $0 { range.contains(address) } else { false } }
  }

  private func matches(_ peer: PolicyRule.Peer, _ other: IPAddress) -> Bool {
    switch peer {
    case .any: true
    case .set(.blocks(let ranges)): inRange(other, .blocks(ranges))
    case .set(let set): contains(.address(other), set)
    }
  }

  private func matches(
    _ wanted: PolicyRule.Port, _ server: IPAddress, _ transport: TransportProtocol?, _ port: UInt16
  ) -> Bool {
    switch wanted {
    case .any: true
    case .transport(let wanted): wanted == transport
    case .exact(let wanted, let number): wanted == transport && number == port
    case .oneOf(let wanted, let numbers): wanted == transport && contains(.port(port), .ports(numbers))
    case .range(let wanted, let range): wanted == transport && range.contains(port)
    case .named(let wanted, let set): wanted == transport && contains(.addressPort(server, port), set)
    }
  }
}
