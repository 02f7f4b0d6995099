internal import Addressing
internal import CLinux
internal import Glibc

/// Addresses that were released a short while ago, the oldest first. They are given out again only when nothing else is
/// free: round robin alone would not keep a nearly full range from giving one out at once, while others still remember
/// its last owner.
struct RestingAddresses {
  /// Seconds.
  static let rest = 60
  /// The most that are remembered.
  static let limit = 64

  private struct Entry {
    /// Seconds since the kernel started.
    var releasedAt: Int
    var address: IPAddress
  }

  private var entries: [Entry] = []
  private let boot: String
  private let now: Int

  /// Reads `BOOT ADDRESS@SECONDS …`; of another boot, nothing counts.
  init(_ text: String, boot: BootIdentity?, now: Int = Self.secondsSinceStart) {
    self.boot = boot?.short ?? "-"
    self.now = now
    let words = text.split(separator: " ")
    guard let first = words.first, first == self.boot else { return }
    for word in words.dropFirst() {
      let parts = word.split(separator: "@")
      guard parts.count == 2, let address = IPAddress(String(parts[0])), let releasedAt = Int(parts[1]) else {
        continue
      }
      if (0..<Self.rest).contains(now - releasedAt) { entries.append(Entry(releasedAt: releasedAt, address: address)) }
    }
  }

  static var secondsSinceStart: Int {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return time.tv_sec
  }

  /// How many were released before an address; nil if it does not rest.
  func position(of address: IPAddress) -> Int? { entries.lastIndex { $0.address == address } }

  mutating func add(_ addresses: [IPAddress]) {
    for address in addresses {
      entries.removeAll { $0.address == address }
      entries.append(Entry(releasedAt: now, address: address))
    }
    entries = Array(entries.suffix(Self.limit))
  }

  var text: String { ([boot] + entries.map { "\($0.address)@\($0.releasedAt)" }).joined(separator: " ") }
}
