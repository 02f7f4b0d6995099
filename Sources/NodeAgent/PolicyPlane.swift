package import ClusterModel
internal import Linux
internal import Netlink
internal import NetworkPolicy
internal import Synchronization

/// NetworkPolicy in nftables on one node.
package final class PolicyPlane: Plane {
  package let name = "policy"
  /// Used by `init`, `watch` and then the plane's own thread alone, one after another.
  private nonisolated(unsafe) let enforcer: PolicyEnforcer
  private let log = Log("agent policy")
  private let watcher: Mutex<NFTablesWatch?> = Mutex(nil)

  /// Until policies are known the node's pods are closed to forwarded traffic, unless an earlier agent's table stands.
  package init(_ settings: AgentConfiguration) throws {
    enforcer = try PolicyEnforcer(node: settings.nodeName)
    try enforcer.close(settings.podRanges)
  }

  package func watch(_ requestRepair: @escaping @Sendable () -> Void) throws {
    let started = try NFTablesWatch(
      [NFTable(.inet, PolicyEnforcer.tableName)], ignoring: [enforcer.port]
    ) { _ in requestRepair() }
    watcher.withLock { $0 = started }
  }

  package func wants(_ key: ChangeKey) -> Bool {
    switch key {
    case .node, .namespace, .pod, .policy: true
    default: false
    }
  }

  package func synchronize(_ model: SharedModel) throws {
    try model.read { state in try enforcer.sync(state) }
  }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {
    let refusal = try model.read { state in try enforcer.update(keys, state).map { "\($0)" } }
    if let refusal { log.warning("the kernel refused a change, so the whole table was replaced: \(refusal)") }
  }

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws {
    if occasion == .foreignChange { try enforcer.repair() }
  }

  package func stop() {
    watcher.withLock { watcher in
      watcher?.stop()
      watcher = nil
    }
  }
}
