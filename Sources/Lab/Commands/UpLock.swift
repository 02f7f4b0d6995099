internal import CLinux
internal import Glibc
package import Linux

/// Held by the one `lab up` of a lab that is at work, so that a second one at the same moment does not take what the first
/// is making for the remains of a dead lab. It is a name among the abstract UNIX sockets (unix(7)): no file, and gone with
/// the process however that ends. It is let go of with the last reference.
package final class UpLock {
  private let socket: FileDescriptor

  /// Nil if another process makes this lab.
  package static func attempt(_ site: LabSite) throws(SystemError) -> UpLock? {
    let socket = try FileDescriptor.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // The first byte stays zero: that makes the name an abstract one.
    let name = Array("swiftlet lab up \(site.root)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      for (index, byte) in name.prefix(path.count - 1).enumerated() { path[index + 1] = byte }
    }
    let length = socklen_t(
      MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + 1
        + min(name.count, MemoryLayout.size(ofValue: address.sun_path) - 1))
    let raw = socket.raw
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(raw, $0, length) }
    }
    if status == 0 { return UpLock(socket: socket) }
    if errno == EADDRINUSE { return nil }
    throw SystemError("bind the lock of lab up")
  }

  private init(socket: consuming FileDescriptor) { self.socket = socket }
}
