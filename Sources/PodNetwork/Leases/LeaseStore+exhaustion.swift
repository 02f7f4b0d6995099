internal import Addressing

extension LeaseStore {
  /// No address of a set is free: how many are taken, and by whom.
  func exhaustion(of set: LeaseRangeSet) throws -> CNIError {
    let ranges = set.ranges.map { "\($0.start)-\($0.end)" }.joined(separator: ", ")
    let files = try files().filter { set.gives($0.address) }
    let tally = LeaseTally(files, records: try index.records())
    return CNIError(
      .exhausted,
      "no address is free in \(ranges): all \(set.capacity) are taken; delete pods, look with swiftlet ipam check for "
        + "leases that nobody uses, or give the node another range",
      details: tally.description)
  }

  /// Throws what ADD would throw for want of an address; changes nothing.
  package func checkAvailability(of sets: [LeaseRangeSet]) throws {
    let taken = Set(try files().map(\.name))
    for set in sets where !set.candidates(after: nil).contains(where: { !taken.contains("\($0)") }) {
      throw try exhaustion(of: set)
    }
  }
}
