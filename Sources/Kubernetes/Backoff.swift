/// Growing pauses between attempts that fail, each with a random share so that many clients do not return at once.
package struct Backoff: Sendable {
  /// Seconds of the first pause, and the longest.
  package var first: Double
  package var longest: Double
  private var next: Double

  package init(first: Double = 0.2, longest: Double = 15) {
    self.first = first
    self.longest = longest
    next = first
  }

  /// The pause to make now, in seconds: between half of the current step and the whole; the step doubles.
  package mutating func pause() -> Double {
    defer { next = min(next * 2, longest) }
    return next * Double.random(in: 0.5...1)
  }

  /// An attempt succeeded.
  package mutating func reset() { next = first }
}
