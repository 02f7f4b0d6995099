internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux

extension LeaseStore {
  /// An address that will be leased.
  struct Choice {
    var set: Int
    /// It is the one whose turn it was; an address that was asked for out of turn does not change whose turn it is.
    var isInTurn: Bool
    var address: IPAddress
  }

  /// How many taken addresses are tried one by one before all names are read at once: both are cheap for a few, and
  /// reading all is what a long run of taken addresses costs at most.
  static let probes = 64

  /// One free address of each set.
  func choose(_ sets: [LeaseRangeSet], _ requested: [IPAddress], resting: RestingAddresses) throws -> [Choice] {
    var wanted = requested
    var choices: [Choice] = []
    for (index, set) in sets.enumerated() {
      let last = pointer(index)
      if let position = wanted.firstIndex(where: { set.range(of: $0) != nil }) {
        let address = wanted.remove(at: position)
        try checkRequested(address, set)
        let isNext = set.candidates(after: last).first { _ in true } == address
        choices.append(Choice(set: index, isInTurn: isNext, address: address))
      } else if let address = try nextFree(set, after: last, resting) {
        choices.append(Choice(set: index, isInTurn: true, address: address))
      } else {
        throw try exhaustion(of: set)
      }
    }
    if let stray = wanted.first {
      let ranges = sets.flatMap(\.ranges).map { "\($0.start)-\($0.end)" }.joined(separator: ", ")
      throw CNIError(
        .invalidConfiguration,
        "the requested address \(stray) cannot be leased: it is in none of the ranges \(ranges), or another address of "
          + "its range set was requested too; ask for at most one address from each range set")
    }
    return choices
  }

  private func checkRequested(_ address: IPAddress, _ set: LeaseRangeSet) throws {
    if let range = set.ranges.first(where: { $0.gateway == address }) {
      throw CNIError(
        .invalidConfiguration,
        "the requested address \(address) is the gateway of \(range.subnet); ask for another")
    }
    guard let file = try LeaseFile(directory: directory, name: "\(address)") else { return }
    let owner =
      switch file.content {
      case .held(let holder):
        "is leased to container \(holder.containerID)"
          + (try index.record(of: holder)?.pod.map { " of pod \($0)" } ?? "")
      case .empty: "is blocked by the empty file \(path(address))"
      case .foreign: "is blocked by the file \(path(address)), which no plugin wrote"
      }
    throw CNIError(.exhausted, "the requested address \(address) \(owner); ask for another, or release it first")
  }

  private func nextFree(
    _ set: LeaseRangeSet, after last: IPAddress?, _ resting: RestingAddresses
  ) throws -> IPAddress? {
    var probed = 0
    var taken: Set<String>?
    var longestRested: IPAddress?
    var position = Int.max
    for candidate in set.candidates(after: last) {
      if let names = taken {
        if names.contains("\(candidate)") { continue }
      } else if try isTaken(candidate) {
        probed += 1
        if probed == Self.probes { taken = Set(try Files.list(directory)) }
        continue
      }
      guard let own = resting.position(of: candidate) else { return candidate }
      if own < position { (position, longestRested) = (own, candidate) }
    }
    return longestRested
  }

  /// Whether there is anything of an address's name.
  private func isTaken(_ address: IPAddress) throws(SystemError) -> Bool {
    let path = path(address)
    var status = stat()
    if lstat(path, &status) == 0 { return true }
    if errno == ENOENT { return false }
    throw SystemError("look at \(path)")
  }

  /// Writes the leases; on failure none of them is there.
  func write(_ choices: [Choice], _ record: LeaseRecord, _ prepared: LeaseContentFile?) throws {
    try index.begin(record)
    var written: [IPAddress] = []
    do {
      let content = try prepared ?? LeaseContentFile(LeaseFile.Content.text(record.attachment), in: directory)
      for choice in choices {
        guard try content.appear(at: path(choice.address)) else {
          throw CNIError(
            .tryAgain, "\(path(choice.address)) appeared while it was being leased, made by somebody without the lock")
        }
        written.append(choice.address)
      }
      for choice in choices where choice.isInTurn { try setPointer(choice.set, choice.address) }
      try index.commit(record.attachment)
    } catch {
      for address in written { try? Files.remove(path(address)) }
      try? index.forgetInterrupted()
      throw error
    }
  }

  // MARK: Whose turn it is

  private func pointerPath(_ set: Int) -> String { "\(directory)/last_reserved_ip.\(set)" }

  /// The last address given out of a set; nil if that is not known, which only means that the search begins elsewhere.
  func pointer(_ set: Int) -> IPAddress? { (try? Files.readText(pointerPath(set))).flatMap { IPAddress($0) } }

  /// Written in place, as host-local does.
  func setPointer(_ set: Int, _ address: IPAddress) throws(SystemError) {
    try overwrite(pointerPath(set), "\(address)")
  }

  private func overwrite(_ path: String, _ text: String) throws(SystemError) {
    let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT, mode: 0o600)
    let bytes = Array(text.utf8)
    let raw = file.raw
    do { try file.writeAll(bytes) } catch { throw SystemError("write \(path)", code: error.code) }
    try check("truncate \(path)") { ftruncate(raw, off_t(bytes.count)) }
  }

  func resting(_ boot: BootIdentity?) -> RestingAddresses {
    RestingAddresses((try? Files.readText(index.restingPath)) ?? "", boot: boot)
  }

  /// Notes that addresses have just been released. Where that cannot be written, they may be given out again sooner: a
  /// full disk must not keep anybody from leaving.
  func rest(_ addresses: [IPAddress], _ boot: BootIdentity?) {
    guard !addresses.isEmpty else { return }
    var resting = resting(boot)
    resting.add(addresses)
    try? overwrite(index.restingPath, resting.text)
  }
}
