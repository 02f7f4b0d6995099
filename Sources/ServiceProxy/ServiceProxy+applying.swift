internal import Addressing
internal import Linux
internal import Netlink

extension ServiceProxy.Core {
  var masquerade: PodMasquerade {
    PodMasquerade(
      podRanges: model.configuration.localPodRanges,
      insideRanges: model.configuration.clusterRanges + model.configuration.serviceRanges)
  }

  /// Writes what an update changes. If that is refused (someone else changed what is ours), everything is compared and
  /// repaired instead.
  mutating func apply(_ changes: ServiceChanges) throws {
    if changes.isEmpty && !mustRepair { return }
    // Until the kernel has said yes, what it holds is not known.
    guard !mustRepair, applies(changes) else {
      try repair()
      return
    }
    try deleteFlows(released: changes.released, opened: changes.opened)
  }

  private mutating func applies(_ changes: ServiceChanges) -> Bool {
    mustRepair = true
    do { try backend.apply(changes, &model) } catch { return false }
    mustRepair = false
    return true
  }

  /// Reads what the kernel holds and writes what differs.
  mutating func repair() throws {
    mustRepair = true
    // Others may change what is there meanwhile, so what is refused is tried again from the reading on.
    var attempts = 0
    while true {
      do {
        if model.configuration.masqueradesPods { try masquerade.ensure(socket) }
        try backend.repair(&model)
        break
      } catch let error where error is NFTablesError || error is NetlinkError || error is IPTablesError {
        attempts += 1
        if attempts == 5 { throw error }
      }
    }
    mustRepair = false
    if !hasRemovedOthers {
      hasRemovedOthers = true
      for problem in ServiceProxy.removeOthers(than: kind, namespace: namespace) {
        Log("services").warning("\(problem)")
      }
    }
    try deleteStrayFlows()
  }
}
