package import Addressing
package import Kubernetes

/// Which addresses this node holds by Leases, and what it has to write and when. Pure: told the time, what is seen and what
/// writing brought.
///
/// The rules are those of leader election (`LeaderElection`), for many Leases at once: clocks of two nodes are never
/// compared, and a holder stops two thirds of the duration after it began its last successful renewal, while others wait
/// the whole duration from when they last saw the Lease change.
package struct AddressClaims: Sendable {
  package struct Timing: Sendable {
    /// Seconds after the last renewal until others may take an address.
    package var duration: Double
    /// Seconds between renewals; less than a third of the duration gives one more try.
    package var renewal: Double
    /// Seconds that each place in the order of candidates waits longer before it takes a free address.
    package var stagger: Double
    /// Seconds for which the Lease of an address that no Service has must not change before anybody removes it: its holder
    /// died before it could.
    package var collection: Double

    package init(
      duration: Double = 10, renewal: Double? = nil, stagger: Double = 0.25, collection: Double? = nil
    ) {
      self.duration = duration
      self.renewal = renewal ?? duration / 4
      self.stagger = stagger
      self.collection = collection ?? duration * 6
    }

    /// Seconds after the beginning of the last renewal for which the address is ours.
    var deadline: Double { duration * 2 / 3 }
  }

  /// A Lease as it was last seen.
  package struct Seen: Sendable {
    package var record: LeaseRecord
    package var resourceVersion: String
    package var uid: String
    /// When it was first seen so, by the own clock.
    var changedAt: Double
  }

  /// One write to do.
  package enum Step: Hashable, Sendable {
    /// Create or take over the Lease, or renew it.
    case claim(IPAddress)
    /// Give the Lease back; `isUnused`: no Service has the address any more, so the Lease goes.
    case release(isUnused: Bool, IPAddress)
    /// Remove the Lease of another node, which is gone, as is every Service that had the address.
    case collect(IPAddress)
  }

  private struct Claim {
    /// The place in the order of candidates; nil if this node may not announce the address.
    var rank: Int?
    /// Some Service has the address.
    var isUsed = false
    var seen: Seen?
    /// Until when the address is ours.
    var heldUntil = -Double.infinity
    /// When this node began to wait for it.
    var wantedSince = 0.0
    /// Not before then.
    var nextTry = -Double.infinity
    var isHeld: Bool { heldUntil > -.infinity }
  }

  private let identity: String
  private let timing: Timing
  private var claims: [IPAddress: Claim] = [:]
  private var knowsServices = false

  package init(identity: String, timing: Timing) {
    self.identity = identity
    self.timing = timing
  }

  package func seen(_ address: IPAddress) -> Seen? { claims[address]?.seen }

  /// Until when this node announces each address, unless it renews.
  package var held: [IPAddress: Double] {
    claims.compactMapValues { $0.isHeld && $0.rank != nil ? $0.heldUntil : nil }
  }

  /// From now on an address that nobody asked for is one that no Service has. Before that nothing is given back: an agent
  /// that starts sees its Leases before it knows its Services.
  package mutating func know() { knowsServices = true }

  /// This node stands at a place in the order of an address's candidates; nil: it may not announce it.
  package mutating func want(_ address: IPAddress, rank: Int?, isUnused: Bool, now: Double) {
    var claim = claims[address] ?? Claim()
    if claim.rank == nil, rank != nil { claim.wantedSince = now }
    claim.rank = rank
    claim.isUsed = !isUnused
    keep(address, claim)
  }

  /// Gives every address back.
  package mutating func leave() {
    know()
    for address in Array(claims.keys) { claims[address]?.rank = nil }
  }

  /// The Lease of an address is so now; nil: there is none.
  package mutating func see(_ address: IPAddress, _ lease: KubernetesObject?, now: Double) {
    var claim = claims[address] ?? Claim()
    guard let lease else {
      claim.seen = nil
      claim.wantedSince = now
      return keep(address, claim)
    }
    guard claim.seen?.resourceVersion != lease.resourceVersion else { return }
    let record = LeaseRecord(lease.spec)
    claim.seen = Seen(record: record, resourceVersion: lease.resourceVersion, uid: lease.uid, changedAt: now)
    // Somebody took it: the resourceVersion of our next renewal would be refused anyway.
    if record.holder != identity { claim.heldUntil = -.infinity }
    keep(address, claim)
  }

  private mutating func keep(_ address: IPAddress, _ claim: Claim) {
    claims[address] = claim.rank == nil && !claim.isHeld && !claim.isUsed && claim.seen == nil ? nil : claim
  }

  /// What is to be written now, and when to ask again.
  package func due(_ now: Double) -> (steps: [Step], next: Double) {
    var steps: [Step] = []
    var next = Double.infinity
    for (address, claim) in claims {
      guard let moment = moment(of: claim) else { continue }
      if moment > now {
        next = min(next, moment)
        continue
      }
      if claim.rank != nil {
        steps.append(.claim(address))
      } else {
        steps.append(isOurs(claim) ? .release(isUnused: !claim.isUsed, address) : .collect(address))
      }
    }
    return (steps, next)
  }

  private func isOurs(_ claim: Claim) -> Bool { claim.isHeld || claim.seen?.record.holder == identity }

  /// When a claim has something to write; nil for never as it stands.
  private func moment(of claim: Claim) -> Double? {
    guard let rank = claim.rank else {
      guard knowsServices else { return nil }
      if isOurs(claim) { return claim.nextTry }
      guard !claim.isUsed, let seen = claim.seen else { return nil }
      return max(claim.nextTry, seen.changedAt + timing.collection)
    }
    if claim.isHeld { return max(claim.nextTry, claim.heldUntil - timing.deadline + timing.renewal) }
    let wait = timing.stagger * Double(rank)
    guard let seen = claim.seen else { return max(claim.nextTry, claim.wantedSince + wait) }
    // Ours from before a restart: nobody else may have it.
    if isOurs(claim) { return claim.nextTry }
    let free = seen.record.holder.isEmpty ? seen.changedAt : seen.changedAt + Double(seen.record.duration)
    return max(claim.nextTry, max(free, claim.wantedSince) + wait)
  }

  /// What to write into the Lease of an address to claim it.
  package func record(claiming address: IPAddress, wallClock: Timestamp) -> LeaseRecord {
    var record = claims[address]?.seen?.record ?? LeaseRecord()
    if record.holder != identity {
      if !record.holder.isEmpty { record.transitions += 1 }
      record.holder = identity
      record.acquired = wallClock
    }
    record.duration = Int(timing.duration.rounded(.up))
    record.renewed = wallClock
    return record
  }

  /// A claim was written; `began`: the time before the request went out. Returns whether the address is newly ours.
  package mutating func claimed(_ address: IPAddress, _ lease: KubernetesObject, began: Double, now: Double) -> Bool {
    guard var claim = claims[address] else { return false }
    let wasHeld = claim.isHeld && claim.heldUntil > now
    claim.seen = Seen(
      record: LeaseRecord(lease.spec), resourceVersion: lease.resourceVersion, uid: lease.uid, changedAt: now)
    claim.heldUntil = began + timing.deadline
    claim.nextTry = -.infinity
    claims[address] = claim
    return !wasHeld && claim.heldUntil > now
  }

  /// A write failed: it is tried again soon, and what cannot be renewed in time is lost.
  package mutating func failed(_ address: IPAddress, now: Double) {
    claims[address]?.nextTry = now + timing.renewal / 2
    if let until = claims[address]?.heldUntil, until <= now { claims[address]?.heldUntil = -.infinity }
  }

  /// The Lease was given back; nil: it is gone.
  package mutating func released(_ address: IPAddress, _ lease: KubernetesObject?, now: Double) {
    guard var claim = claims[address] else { return }
    claim.heldUntil = -.infinity
    claim.nextTry = -.infinity
    claim.seen = lease.map {
      Seen(record: LeaseRecord($0.spec), resourceVersion: $0.resourceVersion, uid: $0.uid, changedAt: now)
    }
    keep(address, claim)
  }
}
