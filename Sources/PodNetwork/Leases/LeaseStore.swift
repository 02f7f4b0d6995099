package import Addressing
internal import CLinux
internal import Glibc
package import Linux

/// Leases on disk as host-local keeps them, so that either can take over from the other: a folder for each network, a
/// file for each address (holding `containerID\r\nifname`), the last one given out by itself in `last_reserved_ip.N`, and
/// `lock` for flock(2). What we note beside is in `LeaseIndex`.
///
/// Whatever a process was doing when it was killed, a lease is there or not: an attachment's leases are noted as pending,
/// linked into the folder with their content, and then noted as held. Whoever comes next takes back what is pending.
package struct LeaseStore: Sendable {
  package typealias Attachment = NetworkConfiguration.Attachment

  package let directory: String
  let index: LeaseIndex
  /// Nil is the kernel's own.
  private let givenBoot: BootIdentity?

  package init(dataDirectory: String, network: String, boot: BootIdentity? = nil) {
    directory = "\(dataDirectory)/\(network)"
    index = LeaseIndex(leases: directory)
    givenBoot = boot
  }

  var boot: BootIdentity? { givenBoot ?? BootIdentity.current() }

  /// Leases one address from each set, or none at all. What the attachment still holds from an ADD that was killed is taken
  /// back first; that its interface is not there yet is for the caller to see to.
  ///
  /// - Parameters:
  ///   - requested: addresses that must be among the leased ones, at most one a set.
  ///   - pod: `namespace/name`, noted for people.
  package func lease(
    _ sets: [LeaseRangeSet], requested: [IPAddress] = [], to attachment: Attachment, pod: String? = nil
  ) throws -> [IPAddress] {
    // What can be done before is not done under the lock. Where it fails, the lock's holder tells why.
    let content = try? LeaseContentFile(LeaseFile.Content.text(attachment), in: directory)
    return try locked { boot in
      if let earlier = try index.record(of: attachment) { try remove(earlier) }
      let choices = try choose(sets, requested, resting: resting(boot))
      let record = LeaseRecord(
        attachment, boot: boot?.short ?? "-", pod: pod?.filter { $0 != " " }, addresses: choices.map(\.address))
      try write(choices, record, content)
      return record.addresses
    }
  }

  /// Takes back what an attachment holds and returns the addresses. The record tells them; the folder is only searched
  /// where there is none, or a wrong one, because host-local was at work. Nothing held is success.
  @discardableResult
  package func release(_ attachment: Attachment) throws -> [IPAddress] {
    guard Files.exists(directory) else { return [] }
    return try locked { boot in try releaseLocked(attachment, boot) }
  }

  /// Takes back whatever is held by attachments that are not in the list, and files that nobody holds. What is foreign
  /// stays.
  package func release(allBut valid: Set<Attachment>) throws -> [IPAddress] {
    guard Files.exists(directory) else { return [] }
    return try locked { boot in
      var released: [IPAddress] = []
      for file in try files() {
        switch file.content {
        case .held: if valid.contains(where: { file.isHeld(by: $0) }) { continue }
        case .empty: break
        case .foreign: continue
        }
        try Files.remove("\(directory)/\(file.name)")
        released.append(file.address)
      }
      for record in try index.records() where !valid.contains(record.attachment) {
        try index.remove(record.attachment)
      }
      rest(released, boot)
      return released
    }
  }

  /// All leases.
  package func leases() throws -> [(address: IPAddress, holder: Attachment)] {
    try files().compactMap { file in file.holder.map { (file.address, $0) } }
  }

  /// All files whose names are addresses.
  package func files() throws(SystemError) -> [LeaseFile] {
    guard Files.exists(directory) else { return [] }
    var found: [LeaseFile] = []
    for name in try Files.list(directory) {
      if let file = try LeaseFile(directory: directory, name: name) { found.append(file) }
    }
    return found
  }

  /// Who holds an address; nil if nobody does.
  package func holder(of address: IPAddress) -> Attachment? {
    (try? LeaseFile(directory: directory, name: "\(address)"))?.holder
  }

  func path(_ address: IPAddress) -> String { "\(directory)/\(address)" }

  // MARK: Under the lock

  private func releaseLocked(_ attachment: Attachment, _ boot: BootIdentity?) throws -> [IPAddress] {
    let record = try index.record(of: attachment)
    let held = try files(of: attachment, record: record)
    for file in held { try Files.remove("\(directory)/\(file.name)") }
    // The record goes last: if we are killed before, the next try finds the rest by it.
    if record != nil { try index.remove(attachment) }
    rest(held.map(\.address), boot)
    return held.map(\.address)
  }

  /// Removes the leases of a record, as far as they are its attachment's, and the record.
  func remove(_ record: LeaseRecord) throws {
    for address in record.addresses {
      if let file = try LeaseFile(directory: directory, name: "\(address)"), file.isHeld(by: record.attachment) {
        try Files.remove(path(address))
      }
    }
    try index.remove(record.attachment)
  }

  /// Takes the lock, puts right what the last holder may have left, and does something.
  func locked<Result>(_ body: (BootIdentity?) throws -> Result) throws -> Result {
    do {
      let boot = self.boot
      let lock = try LeaseLock.take(directory)
      return try withExtendedLifetime(lock) {
        try recoverInterrupted()
        if let boot { try reclaimEarlierBoots(boot) }
        return try body(boot)
      }
    } catch let error as SystemError {
      throw LeaseFault.error(error, directory)
    }
  }

  /// Takes back leases whose writer was killed.
  private func recoverInterrupted() throws {
    guard let record = try index.interrupted() else { return }
    for address in record.addresses {
      guard let file = try LeaseFile(directory: directory, name: "\(address)") else { continue }
      if file.content == .empty || file.holder == record.attachment { try Files.remove(path(address)) }
    }
    try index.forgetInterrupted()
  }
}
