internal import CLinux
internal import Glibc

/// A network namespace, held by a descriptor.
///
/// No Swift code ever runs on a thread inside a foreign namespace (a pool thread made there would inherit it). What is
/// needed from inside is opened by a C helper thread that enters, opens and ends; the descriptor works from anywhere.
package final class NetworkNamespace: Sendable {
  package let descriptor: FileDescriptor
  /// The C code enters on the caller's own thread and comes back: for programs of one thread, where a helper thread would
  /// cost a millisecond.
  private let isEnteredHere: Bool

  package init(descriptor: consuming FileDescriptor, enteredHere: Bool = false) {
    self.descriptor = descriptor
    isEnteredHere = enteredHere
  }

  /// The namespace at a path such as `/run/netns/NAME` or `/proc/PID/ns/net`. `enteredHere` is for programs of one thread.
  package convenience init(path: String, enteredHere: Bool = false) throws(SystemError) {
    self.init(descriptor: try FileDescriptor.open(path), enteredHere: enteredHere)
  }

  /// The caller's own namespace.
  package static func current() throws(SystemError) -> NetworkNamespace {
    try NetworkNamespace(path: "/proc/thread-self/ns/net")
  }

  /// A new namespace; it lasts as long as the descriptor, or, with a path, until that path is unmounted.
  package static func create(boundTo path: String? = nil) throws(SystemError) -> NetworkNamespace {
    let result: CInt
    if let path { result = swiftlet_new_netns(path) } else { result = swiftlet_new_netns(nil) }
    let raw = try checkedResult("create network namespace \(path ?? "")", result)
    return NetworkNamespace(descriptor: FileDescriptor(owning: raw))
  }

  /// Unmounts and removes a path made by `create(boundTo:)`. Succeeds where there is none.
  package static func remove(path: String) throws(SystemError) {
    umount2(path, CInt(MNT_DETACH))
    if unlink(path) != 0, errno != ENOENT { throw SystemError("unlink \(path)") }
  }

  /// A socket of this namespace.
  package func socket(_ domain: CInt, _ type: CInt, _ protocolNumber: CInt = 0) throws(SystemError) -> FileDescriptor {
    FileDescriptor(
      owning: try checkedResult(
        "socket in network namespace",
        swiftlet_socket_in_netns(descriptor.raw, domain, type, protocolNumber, isEnteredHere)))
  }

  /// A file as seen from this namespace, such as one under `/proc/sys/net`.
  package func open(_ path: String, _ flags: CInt = O_RDONLY) throws(SystemError) -> FileDescriptor {
    FileDescriptor(
      owning: try checkedResult("open \(path)", swiftlet_open_in_netns(descriptor.raw, path, flags, 0, isEnteredHere)))
  }

  /// Writes a sysctl of this namespace, named with dots or slashes below `/proc/sys`: `net/ipv4/ip_forward`.
  package func setSysctl(_ name: String, _ value: String) throws(SystemError) {
    try open("/proc/sys/\(name)", O_WRONLY).writeAll(Array(value.utf8))
  }
}
