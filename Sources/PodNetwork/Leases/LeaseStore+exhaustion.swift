internal import Addressing
internal import Glibc
internal import Linux

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

  /// Throws what ADD would throw for want of an address, or because the folder may not be written. Makes the folder if
  /// it is missing.
  package func checkAvailability(of sets: [LeaseRangeSet]) throws {
    let taken: Set<String>
    do {
      try Files.makeDirectories(directory)
      guard access(directory, W_OK) == 0 else { throw SystemError("write to \(directory)") }
      taken = Set(try Files.list(directory))
    } catch let error as SystemError {
      throw LeaseFault.error(error, directory)
    }
    for set in sets where !set.candidates(after: nil).contains(where: { !taken.contains("\($0)") }) {
      throw try exhaustion(of: set)
    }
  }
}
