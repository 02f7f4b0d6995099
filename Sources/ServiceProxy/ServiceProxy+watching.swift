package import Linux
package import Netlink

/// What the watcher saw or could not do.
package enum ServiceProxyEvent: Sendable, CustomStringConvertible {
  /// Someone else changed our tables; they were compared and repaired.
  case repaired(by: String)
  /// The repair failed; it is tried again with the next change.
  case failed(String)

  package var description: String {
    switch self {
    case .repaired(let other): "tables of swiftlet were changed by \(other): compared and repaired"
    case .failed(let reason): "tables of swiftlet could not be repaired: \(reason)"
    }
  }
}

extension ServiceProxy.Core {
  /// Transactions of others in this namespace, ever; nil where those of the back end cannot be told from them.
  func countForeignGenerations() throws -> UInt32? {
    guard let own = backend.generations else { return nil }
    return try socket.generation() &- socket.commits &- own
  }
}

extension ServiceProxy {
  /// Compares and repairs if anyone else has committed something since the first synchronization began; to be called once
  /// the watch is there. So the watch need not be there before: announcing 100,000 elements to a listener would make the
  /// first transaction a quarter longer. Where it is not known who committed, only the table beside is looked at, for the
  /// rest `repairIfLost` is there: with iptables-nft comparing 10,000 Services takes a minute. True if something was mended.
  package func repairIfOthersCommitted() throws -> Bool {
    try core.withLock { core in
      guard core.hasSynced else { return false }
      guard let before = core.foreignGenerations, let now = try core.countForeignGenerations() else {
        return core.model.configuration.masqueradesPods ? try core.masquerade.ensure(core.socket) : false
      }
      if now == before { return false }
      try core.repair()
      return true
    }
  }

  /// Starts a thread that notices and repairs what others do to our tables, until `stop`. `report` is called on it.
  package func startWatching(
    report: @escaping @Sendable (ServiceProxyEvent) -> Void
  ) throws(SystemError) -> NFTablesWatch {
    let own: [NFTable] =
      switch kind {
      case .nftables: [ServicesLayout.table]
      case .iptables: []
      case .ipvs: [IPVSLayout.table]
      }
    return try NFTablesWatch([PodMasquerade.table] + own, namespace: namespace, ignoring: ports) {
      [weak self] cause in
      guard let self else { return }
      do {
        try repair()
        report(.repaired(by: cause))
      } catch {
        report(.failed("\(error)"))
      }
    }
  }
}
