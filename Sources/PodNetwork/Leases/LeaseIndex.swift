internal import Glibc
internal import Linux

/// The records beside the leases, in `.swiftlet` inside the lease folder, which host-local passes over: symbolic links
/// whose target is the record's text, since one is made and read with one call and is never there by half.
///
/// - `holders/CONTAINER:INTERFACE`: the record of an attachment. Missing or stale ones cost time, nothing else: what a
///   record says counts only as far as the lease files agree.
/// - `pending`: the record of leases that are being written. Whoever takes the lock next and finds it takes them back.
/// - `resting`: a file with the addresses that were released last.
/// - `boot`: the boot whose predecessors' leases have been taken back.
struct LeaseIndex: Sendable {
  typealias Attachment = NetworkConfiguration.Attachment

  let directory: String

  init(leases: String) { directory = "\(leases)/.swiftlet" }

  private var holders: String { "\(directory)/holders" }
  var pendingPath: String { "\(directory)/pending" }
  var restingPath: String { "\(directory)/resting" }
  private var bootPath: String { "\(directory)/boot" }
  func path(_ attachment: Attachment) -> String { "\(holders)/\(LeaseRecord.key(attachment))" }

  /// The record of an attachment; nil if there is none.
  func record(of attachment: Attachment) throws(SystemError) -> LeaseRecord? {
    try Self.readLink(path(attachment)).flatMap { LeaseRecord($0) }
  }

  /// All records.
  func records() throws(SystemError) -> [LeaseRecord] {
    guard Files.exists(holders) else { return [] }
    var found: [LeaseRecord] = []
    for name in try Files.list(holders) {
      if let text = try Self.readLink("\(holders)/\(name)"), let record = LeaseRecord(text) { found.append(record) }
    }
    return found
  }

  /// Leases are about to be written.
  func begin(_ record: LeaseRecord) throws(SystemError) {
    do { try Self.makeLink(pendingPath, record.text) } catch  where error.code == ENOENT {
      try Files.makeDirectories(holders)
      try Self.makeLink(pendingPath, record.text)
    }
  }

  /// All of them are written.
  func commit(_ attachment: Attachment) throws(SystemError) {
    let path = path(attachment)
    do {
      try check("rename \(pendingPath) to \(path)") { rename(pendingPath, path) }
    } catch  where error.code == ENOENT {
      try Files.makeDirectories(holders)
      try check("rename \(pendingPath) to \(path)") { rename(pendingPath, path) }
    } catch  where error.code == ENAMETOOLONG {
      // A container's name may be longer than a file's: its leases are found by reading all.
      try Files.remove(pendingPath)
    }
  }

  /// Leases whose writer did not come to an end; nil if there are none. Only under the lock.
  func interrupted() throws(SystemError) -> LeaseRecord? {
    try Self.readLink(pendingPath).flatMap { LeaseRecord($0) }
  }

  func forgetInterrupted() throws(SystemError) { try Files.remove(pendingPath) }

  func remove(_ attachment: Attachment) throws(SystemError) {
    let path = path(attachment)
    if unlink(path) != 0, errno != ENOENT, errno != ENAMETOOLONG { throw SystemError("unlink \(path)") }
  }

  /// The boot that `setBoot` was told last.
  func boot() throws(SystemError) -> String? { try Self.readLink(bootPath) }

  func setBoot(_ id: String) throws(SystemError) {
    try Files.remove(bootPath)
    do { try Self.makeLink(bootPath, id) } catch  where error.code == ENOENT {
      try Files.makeDirectories(holders)
      try Self.makeLink(bootPath, id)
    }
  }

  private static func makeLink(_ path: String, _ text: String) throws(SystemError) {
    try check("create \(path)") { symlink(text, path) }
  }

  /// The text of a link; nil if there is none, or something that is no link.
  private static func readLink(_ path: String) throws(SystemError) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, buffer.count)
    if count < 0 {
      if errno == ENOENT || errno == EINVAL || errno == ENAMETOOLONG { return nil }
      throw SystemError("read \(path)")
    }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
