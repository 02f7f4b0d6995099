extension AnswerCache {
  /// How many answers are kept, and how long; times in seconds.
  package struct Limits: Sendable, Equatable {
    /// Which entries are fetched anew before they are out of date: those with `amount` hits none of which came more than
    /// `row` seconds after the first, in the last `percentage` of their life.
    package struct Prefetch: Sendable, Equatable {
      package var amount: Int
      package var row = 60
      package var percentage = 10

      package init(amount: Int) { self.amount = amount }
    }

    package var entries = 9984
    /// Bytes of all answers together.
    package var bytes = 32 << 20
    package var positive: ClosedRange<UInt32> = 0...3600
    package var negative: ClosedRange<UInt32> = 0...1800
    /// How long a failure of the upstream's own is kept (RFC 9520 asks for at least one second).
    package var failure: UInt32 = 5
    package var prefetch: Prefetch?
    /// How long an answer that is out of date is kept for when no upstream answers (RFC 8767); 0 for not at all.
    package var stale = 0
    /// Ask the upstream first, and give what is out of date only if it fails; else give it at once and ask meanwhile.
    package var verifiesStale = false

    package init() {}
  }
}
