internal import CLinux
internal import Glibc

/// How many answers each client may have: a bucket that fills with time. One worker's; a table of fixed size, in which
/// clients whose hashes meet share a bucket, so that no number of forged addresses makes it larger.
final class ClientRates {
  private struct Bucket {
    /// Thousandths of an answer.
    var tokens: Int32
    /// Monotonic milliseconds.
    var filled: Int
  }

  private static let count = 8192
  private let perSecond: Int
  private let buckets: UnsafeMutablePointer<Bucket>

  /// `perSecond` is this worker's part.
  init(perSecond: Int) {
    self.perSecond = perSecond
    buckets = .allocate(capacity: Self.count)
    buckets.initialize(repeating: Bucket(tokens: Int32(clamping: perSecond * 1000), filled: 0), count: Self.count)
  }

  deinit { buckets.deallocate() }

  /// Stands for the client's address, without its port. All of it, of IPv6 too: clients are pods, of which a node's share
  /// one /64, and which have the addresses that were given to them alone.
  static func hash(_ datagram: swiftlet_datagram) -> Int {
    var hasher = Hasher()
    withUnsafeBytes(of: datagram.peer) { bytes in
      // After family and port (and flow label).
      let part = datagram.peer.ss_family == sa_family_t(AF_INET) ? 4..<8 : 8..<24
      hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes[part]))
    }
    return hasher.finalize()
  }

  /// Takes one answer; false where the client has had its share. Seconds' worth of one may come at once.
  func take(_ datagram: swiftlet_datagram, now: Int) -> Bool {
    let index = Self.hash(datagram) & (Self.count - 1)
    let most = perSecond * 1000
    let earned = max(now - buckets[index].filled, 0) * perSecond
    let tokens = min(Int(buckets[index].tokens) + earned, most)
    buckets[index].filled = now
    guard tokens >= 1000 else {
      buckets[index].tokens = Int32(clamping: tokens)
      return false
    }
    buckets[index].tokens = Int32(clamping: tokens - 1000)
    return true
  }
}
