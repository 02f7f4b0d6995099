internal import CLinux
internal import Glibc
internal import Linux

extension LeaseStore {
  /// What is noted of leases that this plugin gave.
  package func records() throws -> [LeaseRecord] { try index.records() }

  /// What is noted of one attachment; nil if nothing is.
  package func record(of attachment: Attachment) throws -> LeaseRecord? { try index.record(of: attachment) }

  /// Seconds since a record was written, by the wall clock; 0 if it is gone.
  package func age(of record: LeaseRecord) throws -> Double {
    guard let writtenAt = index.writtenAt(record.attachment) else { return 0 }
    return Time.wallSeconds - writtenAt
  }

  /// Removes a file that nobody holds, if it still is what was seen.
  package func remove(unowned file: LeaseFile) throws {
    try locked { _ in
      guard let present = try LeaseFile(directory: directory, name: file.name), present.content == file.content else {
        throw CNIError(.tryAgain, "\(directory)/\(file.name) has just been changed by somebody")
      }
      try Files.remove("\(directory)/\(file.name)")
    }
  }

  /// Puts right what a killed process or an earlier boot left behind, which every change does first.
  package func settle() throws {
    guard Files.exists(directory) else { return }
    try locked { _ in }
  }
}

extension LeaseIndex {
  /// When a record was written, in seconds since 1970.
  func writtenAt(_ attachment: Attachment) -> Double? {
    var status = stat()
    guard lstat(path(attachment), &status) == 0 else { return nil }
    return Double(status.st_ctim.tv_sec) + Double(status.st_ctim.tv_nsec) / 1e9
  }
}
