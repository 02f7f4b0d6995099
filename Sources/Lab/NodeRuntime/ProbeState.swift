/// The outcome of a probe over time: single results and the thresholds that turn them into a change.
struct ProbeState: Hashable, Sendable {
  private let successThreshold: Int
  private let failureThreshold: Int
  /// What counts now; nil until the first threshold is reached.
  private(set) var isSuccessful: Bool?
  private var lastResult: Bool?
  private var inARow = 0

  /// - Parameter initial: what counts before the first result: nil for a container that was just started.
  init(_ probe: ProbeManifest, initial: Bool? = nil) {
    successThreshold = probe.successThreshold
    failureThreshold = probe.failureThreshold
    isSuccessful = initial
  }

  /// Takes one result; true if what counts has changed by it.
  mutating func record(_ success: Bool) -> Bool {
    inARow = success == lastResult ? inARow + 1 : 1
    lastResult = success
    guard inARow >= (success ? successThreshold : failureThreshold), isSuccessful != success else { return false }
    isSuccessful = success
    return true
  }
}
