internal import Glibc
internal import Linux

/// Writes lines with the time (RFC 3339, UTC) to a descriptor, one write each, so that lines of several processes in one
/// file do not mix.
package struct LogLine: Sendable {
  private let raw: CInt

  /// The descriptor is borrowed; standard error if none is given.
  package init(raw: CInt = 2) { self.raw = raw }

  package func callAsFunction(_ text: String) {
    let now = Time.wallSeconds
    var seconds = time_t(now)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
    let stamp = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let milliseconds = String(Int(now.truncatingRemainder(dividingBy: 1) * 1000) + 1000).dropFirst()
    let line = Array("\(stamp).\(milliseconds)Z \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(raw, $0.baseAddress, $0.count) }
  }
}
