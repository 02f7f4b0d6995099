package import Addressing
internal import Linux

extension LeaseStore {
  /// What an attachment holds: as its record says, or, of a lease that host-local gave, as the files say.
  package func held(by attachment: Attachment) throws -> [IPAddress] {
    guard Files.exists(directory) else { return [] }
    if let record = try record(of: attachment) { return record.addresses }
    return try files().filter { $0.isHeld(by: attachment) }.map(\.address)
  }
}
