internal import CLinux
internal import Glibc

/// An exclusive flock(2) on a file, held as long as this value lives; a process that dies lets go of it.
package struct FileLock: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// Takes the lock, waiting for whoever holds it. The file is made where it is missing.
  package init(_ path: String) throws(SystemError) {
    let file = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
    let raw = file.raw
    try check("lock \(path)") { flock(raw, LOCK_EX) }
    descriptor = file
  }

  /// Takes the lock if it is free; nil if somebody holds it.
  package static func attempt(_ path: String) throws(SystemError) -> FileLock? {
    let descriptor = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
    while flock(descriptor.raw, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { return nil }
      if errno != EINTR { throw SystemError("lock \(path)") }
    }
    return FileLock(descriptor: descriptor)
  }

  private init(descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  // Closing alone would leave it to a child that was started a moment ago and still has our descriptors.
  deinit { flock(descriptor.raw, LOCK_UN) }
}
