internal import Synchronization

/// Answers of upstreams, kept as long as they allow and we want.
package final class AnswerCache: Sendable {
  /// How many answers are kept, and how long; times in seconds.
  package struct Limits: Sendable {
    package var entries = 10_000
    package var longestPositive: UInt32 = 3600
    package var longestNegative: UInt32 = 1800
    /// How long a failure of the upstream's own is kept (RFC 9520 asks for at least one second).
    package var failure: UInt32 = 5

    package init() {}
  }

  /// What makes two questions the same: name, type, and what the answer's form depends on.
  struct Key: Hashable {
    var name: DomainName
    var type: RecordType
    var hasEDNS: Bool
    var isDNSSECOK: Bool
    /// RD and CD.
    var flags: UInt16
  }

  private struct Entry {
    var answer: UpstreamAnswer
    var expires: Int
    var number: UInt64
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    /// Keys in the order they came, from `first` on; one whose number is no longer its entry's is out of date.
    var order: [(key: Key, number: UInt64)] = []
    var first = 0
    var number: UInt64 = 0
  }

  private let limits: Limits
  private let state = Mutex(State())

  init(_ limits: Limits) { self.limits = limits }

  var count: Int { state.withLock { $0.entries.count } }

  /// Empties the cache.
  package func removeAll() { state.withLock { $0 = State() } }

  /// `now` in monotonic seconds.
  func answer(_ key: Key, now: Int) -> UpstreamAnswer? {
    state.withLock { state in
      guard let entry = state.entries[key] else { return nil }
      if entry.expires > now { return entry.answer }
      state.entries[key] = nil
      return nil
    }
  }

  func insert(_ answer: UpstreamAnswer, for key: Key, now: Int) {
    guard limits.entries > 0, let lifetime = lifetime(answer), lifetime > 0 else { return }
    state.withLock { state in
      state.number += 1
      state.entries[key] = Entry(answer: answer, expires: now + Int(lifetime), number: state.number)
      state.order.append((key, state.number))
      while state.entries.count > limits.entries || state.order.count - state.first > 2 * limits.entries {
        let oldest = state.order[state.first]
        state.first += 1
        if state.entries[oldest.key]?.number == oldest.number { state.entries[oldest.key] = nil }
      }
      if state.first > limits.entries {
        state.order.removeFirst(state.first)
        state.first = 0
      }
    }
  }

  private func lifetime(_ answer: UpstreamAnswer) -> UInt32? {
    switch answer.code {
    case .noError where answer.answerCount > 0: answer.lifetime.map { min($0, limits.longestPositive) }
    case .noError, .nameError: answer.startOffset == nil ? nil : answer.lifetime.map { min($0, limits.longestNegative) }
    case .serverFailure: limits.failure
    default: nil
    }
  }
}
