internal import Glibc
internal import Synchronization

/// Answers of upstreams, kept as long as they allow and we want, within bounds of number and of bytes.
package final class AnswerCache: Sendable {
  /// What makes two questions the same: name, type, and what the answer's form depends on.
  struct Key: Hashable {
    var name: DomainName
    var type: RecordType
    var hasEDNS: Bool
    var isDNSSECOK: Bool
    /// RD and CD.
    var flags: UInt16
  }

  enum Finding {
    case missing
    /// `isDue`: it is asked for often and will be out of date soon, so that somebody should ask anew; told once.
    case fresh(UpstreamAnswer, isDue: Bool)
    /// Out of date, kept for when nothing better can be had.
    case stale(UpstreamAnswer)
  }

  private struct Entry {
    var key: Key
    var answer: UpstreamAnswer
    var stored: Int
    var expires: Int
    var number: UInt64
    /// Hits, and when the first of the present row came.
    var hits = 0
    var firstHit = 0
    var isDueTold = false
  }

  private struct State {
    /// By the hash of the key, whose seed is this process's; of two keys with one hash the later stays.
    var entries: [Int: Entry] = [:]
    /// Hashes in the order they came, from `first` on; one whose number is no longer its entry's is out of date.
    var order: [(hash: Int, number: UInt64)] = []
    var first = 0
    var number: UInt64 = 0
    var bytes = 0
  }

  let limits: Limits
  private let state = Mutex(State())

  init(_ limits: Limits) { self.limits = limits }

  /// Answers that are kept, and their bytes.
  package var size: (count: Int, bytes: Int) { state.withLock { ($0.entries.count, $0.bytes) } }
  var count: Int { size.count }

  /// Empties the cache.
  package func removeAll() { state.withLock { $0 = State() } }

  private static func hash(_ name: UnsafeBufferPointer<UInt8>, _ query: (RecordType, Bool, Bool, UInt16)) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(name))
    hasher.combine(query.0.rawValue)
    hasher.combine(query.1)
    hasher.combine(query.2)
    hasher.combine(query.3)
    return hasher.finalize()
  }

  private static func hash(_ key: Key) -> Int {
    key.name.wire.withUnsafeBufferPointer { hash($0, (key.type, key.hasEDNS, key.isDNSSECOK, key.flags)) }
  }

  /// `now` in monotonic seconds. Allocates nothing.
  func find(_ name: NameView, _ query: Query, now: Int) -> Finding {
    let edns = query.edns
    let flags = query.flags & (Wire.recursionDesired | Wire.checkingDisabled)
    let hash = Self.hash(
      UnsafeBufferPointer(start: name.bytes, count: name.length),
      (query.type, edns != nil, edns?.isDNSSECOK ?? false, flags))
    return find(hash, now: now) { key in
      key.type == query.type && key.hasEDNS == (edns != nil) && key.isDNSSECOK == (edns?.isDNSSECOK ?? false)
        && key.flags == flags && key.name.wire.count == name.length
        && key.name.wire.withUnsafeBufferPointer { memcmp($0.baseAddress!, name.bytes, name.length) == 0 }
    }
  }

  func find(_ key: Key, now: Int) -> Finding { find(Self.hash(key), now: now) { $0 == key } }

  /// The answer, if it is not out of date.
  func answer(_ key: Key, now: Int) -> UpstreamAnswer? {
    if case .fresh(let answer, _) = find(key, now: now) { answer } else { nil }
  }

  private func find(_ hash: Int, now: Int, _ isSame: (Key) -> Bool) -> Finding {
    state.withLock { state in
      guard let index = state.entries.index(forKey: hash), isSame(state.entries.values[index].key) else {
        return .missing
      }
      let expires = state.entries.values[index].expires
      if expires <= now {
        if expires + limits.stale > now { return .stale(state.entries.values[index].answer) }
        state.bytes -= state.entries.values[index].answer.bytes.count
        state.entries.remove(at: index)
        return .missing
      }
      return .fresh(state.entries.values[index].answer, isDue: isDue(&state.entries.values[index], now))
    }
  }

  /// Whether an entry that was hit is to be fetched anew: often asked for, and the last part of its life has begun.
  private func isDue(_ entry: inout Entry, _ now: Int) -> Bool {
    guard let prefetch = limits.prefetch else { return false }
    if now - entry.firstHit > prefetch.row { (entry.hits, entry.firstHit) = (0, now) }
    entry.hits += 1
    let lifetime = entry.expires - entry.stored
    guard !entry.isDueTold, entry.hits >= prefetch.amount,
      (entry.expires - now) * 100 <= lifetime * prefetch.percentage
    else { return false }
    entry.isDueTold = true
    return true
  }

  func insert(_ answer: UpstreamAnswer, for key: Key, now: Int) {
    guard limits.entries > 0, let lifetime = lifetime(answer), lifetime > 0 else { return }
    let hash = Self.hash(key)
    state.withLock { state in
      // A failure does not push out an answer that can still be given.
      if answer.code == .serverFailure, let old = state.entries[hash], old.key == key,
        old.answer.code != .serverFailure,
        old.expires + limits.stale > now
      {
        return
      }
      state.number += 1
      let old = state.entries.updateValue(
        Entry(key: key, answer: answer, stored: now, expires: now + Int(lifetime), number: state.number), forKey: hash)
      state.bytes += answer.bytes.count - (old?.answer.bytes.count ?? 0)
      state.order.append((hash, state.number))
      while state.entries.count > limits.entries || state.bytes > limits.bytes
        || state.order.count - state.first > 2 * limits.entries
      {
        let oldest = state.order[state.first]
        state.first += 1
        if let entry = state.entries[oldest.hash], entry.number == oldest.number {
          state.bytes -= entry.answer.bytes.count
          state.entries[oldest.hash] = nil
        }
      }
      if state.first > limits.entries {
        state.order.removeFirst(state.first)
        state.first = 0
      }
    }
  }

  private func lifetime(_ answer: UpstreamAnswer) -> UInt32? {
    func bounded(_ ttl: UInt32?, _ range: ClosedRange<UInt32>) -> UInt32? {
      // What must not be kept at all is not.
      ttl.flatMap { $0 == 0 ? nil : min(max($0, range.lowerBound), range.upperBound) }
    }
    return switch answer.code {
    case .noError where answer.answerCount > 0: bounded(answer.lifetime, limits.positive)
    case .noError, .nameError: answer.startOffset == nil ? nil : bounded(answer.lifetime, limits.negative)
    case .serverFailure: limits.failure
    default: nil
    }
  }
}
