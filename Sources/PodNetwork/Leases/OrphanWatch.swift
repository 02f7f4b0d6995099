internal import Linux

/// Finds leases whose pod is gone although no DEL came: those of ours whose link has been missing, at every look, for a
/// whole grace. Two clocks must agree: what we saw on the monotonic one, and the age of the record on the wall clock.
package struct OrphanWatch {
  package typealias Attachment = NetworkConfiguration.Attachment

  package let store: LeaseStore
  /// Seconds. An ADD has no link yet, and a DEL none any more, for milliseconds.
  package let grace: Double
  private var missingSince: [LeaseRecord: Double] = [:]

  package init(_ store: LeaseStore, grace: Double = 120) {
    self.store = store
    self.grace = grace
  }

  /// One look. Leases of other plugins, which have no record, are not judged: their links are not known.
  ///
  /// - Parameters:
  ///   - now: seconds of the monotonic clock.
  ///   - bridge: the node's, by which its namespace is known where no pod is left.
  ///   - live: the links of this moment; it is asked after the records have been read, so that no ADD falls between.
  package mutating func orphans(
    now: Double = Time.monotonicSeconds, bridge: String?, live: () throws -> LiveLinks
  ) throws -> [LeaseRecord] {
    let records = try store.records()
    let links = try live()
    guard links.isNode(bridge: bridge) else {
      missingSince = [:]
      return []
    }
    var missing: [LeaseRecord: Double] = [:]
    for record in records where !links.contains(record.attachment) {
      missing[record] = missingSince[record] ?? now
    }
    missingSince = missing
    return try missing.filter { try now - $0.value >= grace && store.age(of: $0.key) >= grace }.map(\.key)
  }
}
