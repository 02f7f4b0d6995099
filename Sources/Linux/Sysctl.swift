internal import Glibc

/// Kernel settings below /proc/sys. Names are paths with slashes, `net/ipv4/ip_forward`: interface names, which are part
/// of some, may hold dots.
package enum Sysctl {
  /// The value without the line's end.
  package static func read(_ name: String, in namespace: NetworkNamespace? = nil) throws(SystemError) -> String {
    let bytes = try open(name, O_RDONLY, namespace).readAll()
    return String(decoding: bytes.last == 0x0A ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }

  package static func write(
    _ name: String, _ value: String, in namespace: NetworkNamespace? = nil
  ) throws(SystemError) {
    do {
      try open(name, O_WRONLY, namespace).writeAll(Array(value.utf8))
    } catch {
      throw SystemError("set sysctl \(name) to \(value)", code: error.code)
    }
  }

  private static func open(
    _ name: String, _ flags: CInt, _ namespace: NetworkNamespace?
  ) throws(SystemError) -> FileDescriptor {
    if let namespace { return try namespace.open("/proc/sys/\(name)", flags) }
    return try FileDescriptor.open("/proc/sys/\(name)", flags)
  }
}
