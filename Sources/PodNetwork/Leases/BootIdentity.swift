internal import CLinux
internal import Glibc
internal import Linux

/// Which run of the kernel this is. No lease outlives it: a pod's namespace is gone after a reboot, and nobody calls DEL.
package struct BootIdentity: Hashable, Sendable {
  /// What `/proc/sys/kernel/random/boot_id` says; its first eight digits stand in each lease's record.
  package let id: String
  /// When the kernel started, in seconds since 1970. It is computed from the wall clock, so that setting the clock moves it.
  package let startedAt: Double

  package init(id: String, startedAt: Double) {
    self.id = id
    self.startedAt = startedAt
  }

  /// Nil where the kernel does not tell.
  package static func current() -> BootIdentity? {
    guard let id = try? Sysctl.read("kernel/random/boot_id"), id.utf8.count >= 8 else { return nil }
    var uptime = timespec()
    guard clock_gettime(CLOCK_BOOTTIME, &uptime) == 0 else { return nil }
    return BootIdentity(id: id, startedAt: Time.wallSeconds - Double(uptime.tv_sec) - Double(uptime.tv_nsec) / 1e9)
  }

  /// The part that leases record.
  var short: String { String(id.prefix(8)) }
}
