internal import Linux
internal import Synchronization

/// One candidate of an election by Lease (coordination.k8s.io/v1), with the rules of Kubernetes' own components, so that
/// they and ours may stand for the same Lease.
///
/// A candidate never compares its clock with the holder's: it notes by its own clock when it saw the Lease change last,
/// and takes over once `leaseDuration` has passed without a change. The holder ends its work `renewDeadline` after it
/// began its last successful renewal, which is sooner by `leaseDuration - renewDeadline`; so two never lead at once while
/// their clocks run at the same speed, whatever they show. Every write carries the resourceVersion it was decided on.
///
/// `onStart` and `onStop` are called in turn by the election's own thread. `onStart` returns soon and leaves the work to
/// other threads; when `onStop` returns the work has ended, for which there are `leaseDuration - renewDeadline` seconds.
/// A candidate that lost stands again, until `stop`.
package final class LeaderElection: Sendable {
  package struct Options: Sendable {
    package var namespace: String
    /// The Lease's name.
    package var name: String
    /// Who this candidate is; no two may have the same.
    package var identity: String
    /// Seconds; client-go's usual values.
    package var leaseDuration = 15.0
    package var renewDeadline = 10.0
    package var retryPeriod = 2.0
    /// Seconds of the own clock, which others never see. By default one that counts the machine's sleep too: whoever wakes
    /// up must know that its time is over.
    package var clock: @Sendable () -> Double = { Time.bootSeconds }
    /// What is written into the Lease for people.
    package var wallClock: @Sendable () -> Timestamp = { Timestamp.now() }
    /// Who leads now, whenever that changes; empty for nobody.
    package var onLeader: @Sendable (String) -> Void = { _ in }
    /// An attempt that failed for another reason than that someone else leads; it is repeated anyway.
    package var onError: @Sendable (any Error) -> Void = { _ in }

    package init(namespace: String, name: String, identity: String) {
      self.namespace = namespace
      self.name = name
      self.identity = identity
    }

    /// Why these values cannot work; nil if they can.
    package var fault: String? {
      if identity.isEmpty { return "a candidate of the election \(namespace)/\(name) has no identity" }
      guard leaseDuration > renewDeadline, renewDeadline > retryPeriod * LeaderElection.jitter, retryPeriod > 0 else {
        return
          "the election \(namespace)/\(name) has leaseDuration \(leaseDuration) s, renewDeadline \(renewDeadline) s "
          + "and retryPeriod \(retryPeriod) s; expected the first to be longer than the second, and that longer than "
          + "\(LeaderElection.jitter) times the third"
      }
      return nil
    }
  }

  /// A pause between two attempts is the retry period and a random share of this many more.
  static let jitter = 1.2

  /// What the election's thread knows; nobody else touches it.
  private struct Knowledge {
    /// The Lease as last seen, and by the own clock when it was first seen so.
    var lease: KubernetesObject?
    var record = LeaseRecord()
    var changedAt = -Double.infinity
  }

  private struct State {
    var isStopped = false
    /// Until when, by the own clock, this candidate leads unless it renews.
    var leadsUntil = -Double.infinity
    var leader = ""
  }

  private enum Attempt {
    /// Ours, for `renewDeadline` after this moment of the own clock.
    case won(at: Double)
    case held
    case failed
  }

  private let client: APIClient
  private let transport: BoundedTransport
  private let options: Options
  private let onStart: @Sendable () -> Void
  private let onStop: @Sendable () -> Void
  private let state = Monitor(State())
  private let ended = Gate()
  private nonisolated(unsafe) var knowledge = Knowledge()

  /// Nothing happens before `start`. Times that cannot work are a programming error: see `Options.fault`.
  package init(
    _ transport: any APITransport, _ options: Options, onStart: @escaping @Sendable () -> Void,
    onStop: @escaping @Sendable () -> Void
  ) {
    if let fault = options.fault { preconditionFailure(fault) }
    self.transport = BoundedTransport(transport, clock: options.clock)
    client = APIClient(self.transport, fieldManager: "swiftlet-election")
    self.options = options
    self.onStart = onStart
    self.onStop = onStop
  }

  /// Starts the election's thread, which keeps the object alive until `stop`. Call it once.
  package func start() {
    _ = Thread("election") { [self] in
      run()
      ended.open()
    }
  }

  /// Ends: a leader ends its work, and gives the Lease back so that the next need not wait. Waits for all of that, at most
  /// for a request under way and the release. Not from within a callback.
  package func stop() {
    state.withLock { $0.isStopped = true }
    state.wakeAll()
    ended.wait(timeout: .infinity)
  }

  /// Whether this candidate leads at this moment: it is false as soon as its time is over, though `onStop` may not have
  /// been called yet.
  package var isLeader: Bool { state.withLock { $0.leadsUntil } > options.clock() }

  /// The last leader seen; empty if none was.
  package var leader: String { state.withLock { $0.leader } }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  private func run() {
    while !isStopped {
      if case .won(let moment) = attempt(until: options.clock() + options.renewDeadline) {
        state.withLock { $0.leadsUntil = moment + options.renewDeadline }
        lead(from: moment)
      }
      pause(options.retryPeriod * (1 + Double.random(in: 0...Self.jitter)))
    }
  }

  private func lead(from moment: Double) {
    onStart()
    var deadline = moment + options.renewDeadline
    leading: while true {
      pause(min(options.retryPeriod, deadline - options.clock()))
      if isStopped || options.clock() >= deadline { break }
      switch attempt(until: deadline) {
      case .won(let moment):
        deadline = moment + options.renewDeadline
        state.withLock { [deadline] in $0.leadsUntil = deadline }
      case .held: break leading
      case .failed: continue
      }
    }
    state.withLock { $0.leadsUntil = -.infinity }
    onStop()
    // A leader whose time is over must not touch what may be another's; the resourceVersion sees to that too.
    if isStopped, options.clock() < deadline { release() }
  }

  /// Waits; `stop` ends it.
  private func pause(_ seconds: Double) {
    _ = state.wait(timeout: max(0, seconds)) { $0.isStopped ? true : nil }
  }

  /// `deadline` is when, by the own clock, no answer is of use any more.
  private func attempt(until deadline: Double) -> Attempt {
    transport.limit(deadline)
    let began = options.clock()
    do {
      // A leader knows the Lease: one request is enough, unless someone else wrote it.
      if knowledge.record.holder == options.identity, knowledge.lease != nil {
        do {
          try write(from: began)
          return .won(at: began)
        } catch let status as APIStatus where status.isConflict || status.isNotFound {
          // Look at it again, below.
        }
      }
      guard let lease = try client.find(.leases, namespace: options.namespace, name: options.name) else {
        learn(nil)
        try write(from: began)
        return .won(at: began)
      }
      learn(lease)
      let record = knowledge.record
      if !record.holder.isEmpty, record.holder != options.identity,
        options.clock() < knowledge.changedAt + Double(record.duration)
      {
        return .held
      }
      try write(from: began)
      return .won(at: began)
    } catch let status as APIStatus where status.isConflict || status.isAlreadyExists {
      // Someone else was quicker: to lead, or only to write what does not concern us.
      return knowledge.record.holder == options.identity ? .failed : .held
    } catch {
      options.onError(error)
      return .failed
    }
  }

  /// Notes what the Lease says, and when that was first seen.
  private func learn(_ lease: KubernetesObject?) {
    let record = lease.map { LeaseRecord($0.spec) } ?? LeaseRecord()
    if record != knowledge.record || knowledge.lease == nil { knowledge.changedAt = options.clock() }
    knowledge.lease = lease
    knowledge.record = record
    let isNew = state.withLock { state in
      defer { state.leader = record.holder }
      return state.leader != record.holder
    }
    if isNew { options.onLeader(record.holder) }
  }

  /// Makes the Lease ours, on the version last seen.
  private func write(from moment: Double) throws {
    var record = knowledge.record
    let now = options.wallClock()
    if record.holder != options.identity {
      record.acquired = now
      if knowledge.lease != nil { record.transitions += 1 }
    }
    record.holder = options.identity
    record.duration = max(1, Int(options.leaseDuration.rounded(.up)))
    record.renewed = now
    var lease =
      knowledge.lease ?? KubernetesObject(.leases, namespace: options.namespace, name: options.name)
    record.write(to: &lease.json["spec"])
    learn(try knowledge.lease == nil ? client.create(.leases, lease) : client.update(.leases, lease))
  }

  private func release() {
    guard var lease = knowledge.lease else { return }
    var record = knowledge.record
    record.holder = ""
    record.duration = 1
    record.renewed = options.wallClock()
    record.write(to: &lease.json["spec"])
    transport.limit(options.clock() + options.renewDeadline)
    do { learn(try client.update(.leases, lease)) } catch { options.onError(error) }
  }
}
