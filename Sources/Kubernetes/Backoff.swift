/// Growing pauses between attempts that fail, each with a random share so that many clients do not return at once.
package struct Backoff: Sendable {
  /// Seconds of the first step, and of the longest.
  package var first: Double
  package var longest: Double
  /// Seconds of the longest step while nobody hears the request: it costs no server anything, and when the way is there
  /// again, nobody should be away for long.
  package var longestUnheard = 5.0
  private var next: Double

  /// The first step is long enough that the clients of a whole cluster, which a server that goes away leaves at one moment,
  /// spread over most of a second.
  package init(first: Double = 1, longest: Double = 15) {
    self.first = first
    self.longest = longest
    next = first
  }

  /// The pause to make now, in seconds: between a quarter of the current step and the whole; the step doubles. Where the
  /// server said how long to stay away (Retry-After), it is that and up to half as much again, if that is more. `isUnheard`:
  /// the request reached nobody.
  package mutating func pause(atLeast asked: Int? = nil, isUnheard: Bool = false) -> Double {
    defer { next = min(next * 2, longest) }
    let usual = (isUnheard ? min(next, longestUnheard) : next) * Double.random(in: 0.25...1)
    return max(usual, Double(asked ?? 0) * Double.random(in: 1...1.5))
  }

  /// An attempt succeeded.
  package mutating func reset() { next = first }
}
