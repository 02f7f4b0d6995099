internal import Glibc

/// The server's half of a DNS cookie (RFC 7873, in the form of RFC 9018): a client that shows it again has got an answer of
/// ours before, so that its address is not forged. The key is this process's: after a restart clients get new ones, which
/// costs them nothing, since a cookie is never demanded.
struct ServerCookie {
  /// Version, three bytes of nothing, a time, and the hash.
  static let length = 16
  /// Seconds that a cookie is good for, and that clocks may differ (RFC 9018 section 4.3).
  private static let longest = 3600
  private static let skew = 300

  /// Unix seconds.
  let time: UInt32
  let hash: UInt64

  init(client: UInt64, peer: Int, time: UInt32) {
    var hasher = Hasher()
    hasher.combine(client)
    hasher.combine(peer)
    hasher.combine(time)
    self.time = time
    hash = UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// One of this moment.
  init(client: UInt64, peer: Int) {
    self.init(client: client, peer: peer, time: UInt32(truncatingIfNeeded: Glibc.time(nil)))
  }

  /// Whether bytes that a client showed are a cookie of ours for it.
  static func isValid(_ bytes: UnsafeBufferPointer<UInt8>, client: UInt64, peer: Int) -> Bool {
    guard bytes.count == length, bytes[0] == 1 else { return false }
    let shown = bytes[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let age = Glibc.time(nil) - Int(shown)
    guard age <= longest, age >= -skew else { return false }
    return bytes[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      == ServerCookie(client: client, peer: peer, time: shown).hash
  }
}
