package import Addressing
internal import Linux

extension LeaseStore {
  /// What an attachment holds: as its record says, or, of a lease that host-local gave, as the files say.
  package func held(by attachment: Attachment) throws -> [IPAddress] {
    guard Files.exists(directory) else { return [] }
    return try files(of: attachment, record: record(of: attachment)).map(\.address)
  }

  /// The leases of an attachment, by its record as far as the files agree. The folder is searched where there is no record
  /// or they do not: host-local was at work.
  func files(of attachment: Attachment, record: LeaseRecord?) throws -> [LeaseFile] {
    if let record {
      let known = try record.addresses.compactMap { try LeaseFile(directory: directory, name: "\($0)") }
        .filter { $0.isHeld(by: attachment) }
      if known.count == record.addresses.count { return known }
    }
    return try files().filter { $0.isHeld(by: attachment) }
  }
}
