package import JSON

/// The part of a Lease that an election reads and writes (coordination.k8s.io/v1 LeaseSpec).
package struct LeaseRecord: Hashable, Sendable {
  /// Empty: nobody; a leader that leaves on purpose writes that.
  package var holder = ""
  /// Seconds after the last renewal that others must wait.
  package var duration = 0
  /// By the holder's own wall clock, for people to read; nothing is decided by them.
  package var acquired: Timestamp?
  package var renewed: Timestamp?
  /// How often the holder has changed.
  package var transitions = 0

  package init() {}

  package init(_ spec: JSON) {
    holder = spec["holderIdentity"].string ?? ""
    duration = spec["leaseDurationSeconds"].int ?? 0
    acquired = spec["acquireTime"].string.flatMap { Timestamp($0) }
    renewed = spec["renewTime"].string.flatMap { Timestamp($0) }
    transitions = spec["leaseTransitions"].int ?? 0
  }

  /// Writes the record into a Lease's spec and leaves what else is in there.
  package func write(to spec: inout JSON) {
    spec["holderIdentity"] = .string(holder)
    spec["leaseDurationSeconds"] = .int(Int64(duration))
    spec["acquireTime"] = acquired.map { .string($0.microDescription) } ?? .null
    spec["renewTime"] = renewed.map { .string($0.microDescription) } ?? .null
    spec["leaseTransitions"] = .int(Int64(transitions))
  }
}
