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
    try telling { core throws in try core.deleteFlows(released: changes.released, opened: changes.opened) }
  }

  private mutating func applies(_ changes: ServiceChanges) -> Bool {
    mustRepair = true
    do { try backend.apply(changes, &model) } catch {
      model.statistics.failures += 1
      model.statistics.partialFailures += 1
      Log("services").warning("\(error); what is there is compared and repaired")
      return false
    }
    for change in changes.frontends.values where change.old != change.new {
      if change.old == nil || change.new == nil {
        model.statistics.frontendChanges += 1
      } else {
        model.statistics.endpointChanges += 1
      }
    }
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
        model.statistics.failures += 1
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
    try telling { core throws in try core.deleteStrayFlows() }
  }

  /// What fails after the rules are in place is no refusal of a Service.
  private mutating func telling(_ work: (inout Self) throws -> Void) throws {
    do { try work(&self) } catch { throw ServiceBackendError(description: "tracked connections: \(error)") }
  }
}
