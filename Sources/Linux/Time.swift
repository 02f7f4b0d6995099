internal import CLinux
internal import Glibc

/// The clocks of the system.
package enum Time {
  /// Nanoseconds of CLOCK_MONOTONIC: for durations and deadlines, never set back.
  package static var monotonicNanoseconds: UInt64 { read(CLOCK_MONOTONIC) }
  /// Seconds of CLOCK_MONOTONIC.
  package static var monotonicSeconds: Double { Double(monotonicNanoseconds) / 1e9 }
  /// Milliseconds of CLOCK_MONOTONIC.
  package static var monotonicMilliseconds: Int { Int(monotonicNanoseconds / 1_000_000) }
  /// Seconds of CLOCK_BOOTTIME: as the monotonic clock, but it goes on while the machine sleeps. For what others count too.
  package static var bootSeconds: Double { Double(read(CLOCK_BOOTTIME)) / 1e9 }
  /// Seconds since 1970 UTC (CLOCK_REALTIME); somebody may set it back.
  package static var wallSeconds: Double { Double(read(CLOCK_REALTIME)) / 1e9 }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Milliseconds until a deadline of `monotonicSeconds` for poll(2) and epoll_wait(2), rounded up so that nobody wakes
  /// too early; nil is -1, forever.
  static func pollTimeout(until deadline: Double?) -> CInt {
    guard let deadline else { return -1 }
    let milliseconds = ((deadline - monotonicSeconds) * 1000).rounded(.up)
    return CInt(max(0, min(milliseconds, Double(CInt.max))))
  }
}
