internal import Addressing
internal import Glibc
internal import Streaming
internal import Synchronization

/// The upstreams of one rule with what is known of their health, shared by all workers.
final class UpstreamGroup: Sendable {
  private final class State: Sendable {
    /// Failures one after another.
    let failures = Atomic(0)
    /// Some worker checks its health.
    let isChecked = Atomic(false)
  }

  let rule: ForwardRule
  let tls: TLSContext?
  private let states: [State]
  private let turn = Atomic(Int.random(in: 0..<1024))
  /// Questions that wait for an answer.
  let waiting = Atomic(0)
  /// What we sent came back to us.
  let isLooping = Atomic(false)
  /// The name whose return shows a loop: nobody else can know it.
  let loopProbe: DomainName

  /// Throws where the authorities cannot be read.
  init(_ rule: ForwardRule) throws {
    self.rule = rule
    states = rule.upstreams.map { _ in State() }
    tls = try rule.upstreams.contains { $0.transport != .plain } ? TLSContext(authorityFile: rule.authorities) : nil
    let label = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let second = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    loopProbe = (try DomainName(parsing: "\(label).\(second)")).below(rule.from) ?? rule.from
  }

  /// Whether names like this one are asked for here.
  func takes(_ name: NameView) -> Bool {
    guard name.isWithin(rule.from) else { return false }
    for except in rule.except where name.isWithin(except) { return false }
    return true
  }

  func isDown(_ upstream: Int) -> Bool {
    rule.mostFailures > 0 && states[upstream].failures.load(ordering: .relaxed) >= rule.mostFailures
  }

  /// The upstream to ask first.
  func first() -> Int {
    let count = states.count
    let start =
      switch rule.policy {
      case .sequential: 0
      case .random: Int.random(in: 0..<count)
      case .roundRobin: turn.wrappingAdd(1, ordering: .relaxed).newValue % count
      }
    for step in 0..<count where !isDown((start + step) % count) { return (start + step) % count }
    // All are down: perhaps the checks are wrong.
    return Int.random(in: 0..<count)
  }

  /// The one to ask after another has failed.
  func next(after upstream: Int) -> Int {
    let count = states.count
    for step in 1...count where !isDown((upstream + step) % count) { return (upstream + step) % count }
    return (upstream + 1) % count
  }

  /// An upstream was silent or cannot be reached. Returns true if the caller is to check its health from now on.
  func failed(_ upstream: Int) -> Bool {
    states[upstream].failures.wrappingAdd(1, ordering: .relaxed)
    return isDown(upstream) && !states[upstream].isChecked.exchange(true, ordering: .relaxed)
  }

  func succeeded(_ upstream: Int) {
    if states[upstream].failures.load(ordering: .relaxed) != 0 {
      states[upstream].failures.store(0, ordering: .relaxed)
    }
  }

  /// Its health is checked no more.
  func endCheck(_ upstream: Int) { states[upstream].isChecked.store(false, ordering: .relaxed) }

  /// Takes a place in the queue; false if there is none.
  func enter() -> Bool {
    guard rule.longestQueue > 0 else { return true }
    if waiting.wrappingAdd(1, ordering: .relaxed).newValue <= rule.longestQueue { return true }
    waiting.wrappingSubtract(1, ordering: .relaxed)
    return false
  }

  func leave(_ places: Int) {
    if rule.longestQueue > 0 { waiting.wrappingSubtract(places, ordering: .relaxed) }
  }
}
