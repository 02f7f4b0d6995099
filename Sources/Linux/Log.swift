internal import CLinux
internal import Glibc

/// Lines on standard error for whoever runs a process: time (UTC), level, component, text. One write a line, so that lines
/// of several threads and processes do not mix.
package struct Log: Sendable {
  package enum Level: String, Sendable {
    case info, warning, error
  }

  /// The part of the program that speaks: `agent services`.
  package let component: String

  private let descriptor: CInt

  /// - Parameter descriptor: where the lines go: standard error, or what a test reads.
  package init(_ component: String, to descriptor: CInt = 2) {
    self.component = component
    self.descriptor = descriptor
  }

  package func info(_ text: @autoclosure () -> String) { write(.info, text()) }
  /// Something is wrong that the program can live with or will try again.
  package func warning(_ text: @autoclosure () -> String) { write(.warning, text()) }
  /// Something asked for could not be done.
  package func error(_ text: @autoclosure () -> String) { write(.error, text()) }

  private func write(_ level: Level, _ text: String) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var broken = tm()
    gmtime_r(&now.tv_sec, &broken)
    func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let milliseconds = now.tv_nsec / 1_000_000
    let fraction = String(repeating: "0", count: 3 - String(milliseconds).count) + String(milliseconds)
    let date = "\(broken.tm_year + 1900)-\(two(broken.tm_mon + 1))-\(two(broken.tm_mday))"
    let time = "\(two(broken.tm_hour)):\(two(broken.tm_min)):\(two(broken.tm_sec)).\(fraction)Z"
    let line = Array("\(date)T\(time) \(level.rawValue) \(component): \(text)\n".utf8)
    _ = line.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }
}
