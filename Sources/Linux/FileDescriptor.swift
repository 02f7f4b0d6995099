internal import CLinux
internal import Glibc

/// An open file descriptor, closed when its owner goes. Always close-on-exec.
package struct FileDescriptor: ~Copyable, Sendable {
  package let raw: CInt

  /// Takes ownership of a descriptor.
  package init(owning raw: CInt) { self.raw = raw }

  deinit { close(raw) }

  /// Gives the descriptor up without closing it.
  package consuming func release() -> CInt {
    let raw = self.raw
    discard self
    return raw
  }

  /// open(2), always close-on-exec.
  package static func open(_ path: String, _ flags: CInt = O_RDONLY, mode: UInt32 = 0o644) throws(SystemError)
    -> FileDescriptor
  {
    FileDescriptor(owning: try check("open \(path)") { Glibc.open(path, flags | O_CLOEXEC, mode) })
  }

  /// socket(2) in the caller's network namespace, always close-on-exec.
  package static func socket(_ domain: CInt, _ type: CInt, _ protocolNumber: CInt = 0) throws(SystemError)
    -> FileDescriptor
  {
    FileDescriptor(
      owning: try check("socket") { Glibc.socket(domain, type | CInt(SOCK_CLOEXEC.rawValue), protocolNumber) })
  }

  package func duplicate() throws(SystemError) -> FileDescriptor {
    FileDescriptor(owning: try check("dup") { fcntl(raw, F_DUPFD_CLOEXEC, 0) })
  }

  /// Reads to the end of the file.
  package func readAll() throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = try check("read") { read(raw, &chunk, chunk.count) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// Writes everything.
  package func writeAll(_ bytes: [UInt8]) throws(SystemError) {
    var offset = 0
    while offset < bytes.count {
      offset += try check("write") {
        bytes.withUnsafeBytes { write(raw, $0.baseAddress! + offset, bytes.count - offset) }
      }
    }
  }
}
