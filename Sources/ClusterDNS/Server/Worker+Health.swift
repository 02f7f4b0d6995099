internal import Linux

extension Worker {
  /// An upstream that is down and is to be asked whether it is well again.
  struct HealthCheck {
    var group: UpstreamGroup
    var upstream: Int
    /// Monotonic milliseconds.
    var at: Int
  }

  /// Where a connection waits for the next question.
  struct IdlePlace: Hashable {
    var group: ObjectIdentifier
    var upstream: Int
  }

  /// Begins the checks whose time has come.
  func checkHealth() {
    let due = healthChecks.filter { $0.at <= now }
    guard !due.isEmpty else { return }
    healthChecks.removeAll { $0.at <= now }
    for check in due { ask(.root, .ns, check.group, check.upstream, .healthCheck) }
  }

  /// Any answer at all is a sign of health. Upstreams that a reload has taken out are checked no more.
  func endHealthCheck(_ exchange: Exchange, isWell: Bool) {
    let group = exchange.group
    if isWell || exchange.failure != nil {
      group.succeeded(exchange.upstream)
      group.endCheck(exchange.upstream)
    } else if plan.blocks.contains(where: { block in block.groups.contains { $0 === group } }) {
      healthChecks.append(
        HealthCheck(group: group, upstream: exchange.upstream, at: now + group.rule.healthInterval))
    }
  }

  /// Sends each rule's probe to each of its upstreams: if one comes back as a question, so would every other.
  func probeLoops() {
    for block in plan.blocks {
      for group in block.groups where group.rule.detectsLoops {
        for upstream in group.rule.upstreams.indices { ask(group.loopProbe, .hinfo, group, upstream, .loopProbe) }
      }
    }
  }

  /// Whether the parsed question is a probe of ours that came back.
  func isOwnProbe() -> Bool {
    guard query.type == .hinfo else { return false }
    for block in plan.blocks {
      for group in block.groups {
        let isProbe = group.loopProbe.withView { $0.length == query.nameLength && query.name.isWithin(group.loopProbe) }
        guard isProbe else { continue }
        if !group.isLooping.exchange(true, ordering: .relaxed) {
          let upstreams = group.rule.upstreams.map(\.description).joined(separator: ", ")
          shared.configuration.log.error(
            "loop: a question sent to \(upstreams) came back to this server, so every name outside the cluster would go "
              + "round for ever. These upstreams (perhaps taken from /etc/resolv.conf) forward to the cluster's DNS: name "
              + "resolvers outside the cluster. Until then such names are answered with SERVFAIL")
        }
        return true
      }
    }
    return false
  }

  /// Closes connections to upstreams that nobody has used for a while.
  func expireIdle() {
    guard !idleConnections.isEmpty else { return }
    for place in idleConnections.keys {
      idleConnections[place]?.removeAll { $0.idleSince + shared.configuration.upstreamExpire <= now }
      if idleConnections[place]?.isEmpty == true { idleConnections[place] = nil }
    }
  }
}
