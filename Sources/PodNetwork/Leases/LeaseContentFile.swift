internal import CLinux
internal import Glibc
internal import Linux

/// The content of an attachment's leases before they have names: a file without one (O_TMPFILE) that is linked to each
/// address, so that a lease appears with its content. File systems without such files or links get what host-local does:
/// O_EXCL, then written.
final class LeaseContentFile {
  private let text: String
  private let file: FileDescriptor?

  /// Not in Swift's Glibc: it needs _GNU_SOURCE (asm-generic/fcntl.h, `__O_TMPFILE | O_DIRECTORY`).
  private static let temporary = CInt(0o20000000) | O_DIRECTORY

  init(_ text: String, in directory: String) throws(SystemError) {
    self.text = text
    do throws(SystemError) {
      let made = try FileDescriptor.open(directory, O_WRONLY | Self.temporary, mode: 0o600)
      do { try made.writeAll(Array(text.utf8)) } catch {
        throw SystemError("write a lease into \(directory)", code: error.code)
      }
      file = consume made
    } catch  where [EOPNOTSUPP, EISDIR, EINVAL].contains(error.code) {
      file = nil
    }
  }

  /// Gives it a name; false if there is something of that name.
  func appear(at path: String) throws(SystemError) -> Bool {
    if let raw = rawDescriptor {
      if linkat(AT_FDCWD, "/proc/self/fd/\(raw)", AT_FDCWD, path, CInt(AT_SYMLINK_FOLLOW)) == 0 { return true }
      switch errno {
      case EEXIST: return false
      case EPERM, EOPNOTSUPP, EMLINK, EXDEV: break
      default: throw SystemError("create \(path)")
      }
    }
    let raw = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if raw < 0 {
      if errno == EEXIST { return false }
      throw SystemError("create \(path)")
    }
    do {
      try FileDescriptor(owning: raw).writeAll(Array(text.utf8))
      return true
    } catch {
      unlink(path)
      throw SystemError("write \(path)", code: error.code)
    }
  }

  private var rawDescriptor: CInt? {
    switch file {
    case .some(let file): file.raw
    case .none: nil
    }
  }
}
