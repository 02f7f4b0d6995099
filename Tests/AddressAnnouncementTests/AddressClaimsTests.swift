import AddressAnnouncement
import Addressing
import JSON
import Kubernetes
import Testing

/// The rules by which nodes hold addresses, with a clock of the test's own.
@Suite struct AddressClaimsTests {
  private static let address = IPAddress("192.0.2.10")!

  /// A store of one Lease with optimistic concurrency, as the API server is one.
  private struct LeaseStore {
    var lease: KubernetesObject?
    var version = 0

    mutating func write(_ record: LeaseRecord, over version: String?) -> KubernetesObject? {
      guard lease?.resourceVersion == version else { return nil }
      self.version += 1
      var new = KubernetesObject(.leases, namespace: "kube-system", name: "l")
      new.json["metadata", "resourceVersion"] = .string("\(self.version)")
      record.write(to: &new.spec)
      lease = new
      return new
    }
  }

  /// Many runs of three nodes whose watches lag, whose writes fail or whose answers are lost, and which stop for a while:
  /// never do two of them hold the address at one moment.
  @Test func neverTwoAtOnce() {
    let names = ["a", "b", "c"]
    var handovers = 0
    for _ in 0..<300 {
      var store = LeaseStore()
      var claims = names.map { AddressClaims(identity: $0, timing: .init(duration: 10, collection: 12)) }
      // Clocks that begin anywhere.
      let offsets = names.map { _ in Double.random(in: 0...1000) }
      var asleepUntil = names.map { _ in 0.0 }
      var last: Int?
      for index in names.indices {
        claims[index].want(Self.address, rank: index, isUnused: false, now: offsets[index])
        claims[index].know()
      }
      var now = 0.0
      while now < 120 {
        now += Double.random(in: 0.05...0.5)
        for index in names.indices {
          let local = now + offsets[index]
          guard now >= asleepUntil[index] else { continue }
          if Int.random(in: 0..<100) == 0 { asleepUntil[index] = now + Double.random(in: 0...25) }
          if Int.random(in: 0..<4) > 0 { claims[index].see(Self.address, store.lease, now: local) }
          if Int.random(in: 0..<40) == 0 {
            // Even one that wrongly believes the address to be nobody's does no harm.
            claims[index].want(
              Self.address, rank: Bool.random() ? index : nil, isUnused: Bool.random(), now: local)
          }
          for step in claims[index].due(local).steps {
            let seen = claims[index].seen(Self.address)
            switch step {
            case .claim:
              let record = claims[index].record(claiming: Self.address, wallClock: .now())
              let written = Int.random(in: 0..<10) > 0 ? store.write(record, over: seen?.resourceVersion) : nil
              // The answer may be late or lost.
              if let written, Int.random(in: 0..<10) > 0 {
                _ = claims[index].claimed(Self.address, written, began: local, now: local + Double.random(in: 0...1))
              } else {
                claims[index].failed(Self.address, now: local)
              }
            case .collect:
              guard let seen, store.lease?.resourceVersion == seen.resourceVersion else {
                claims[index].failed(Self.address, now: local)
                continue
              }
              store.lease = nil
              claims[index].released(Self.address, nil, now: local)
            case .release:
              guard let seen, seen.record.holder == names[index] else {
                claims[index].released(Self.address, nil, now: local)
                continue
              }
              var record = seen.record
              record.holder = ""
              if let written = store.write(record, over: seen.resourceVersion) {
                claims[index].released(Self.address, written, now: local)
              } else {
                claims[index].failed(Self.address, now: local)
              }
            }
          }
        }
        let holders = names.indices.filter { index in
          claims[index].held[Self.address].map { $0 > now + offsets[index] } ?? false
        }
        #expect(holders.count <= 1, "\(holders) at \(now)")
        if let holder = holders.first, holder != last {
          if last != nil { handovers += 1 }
          last = holder
        }
      }
    }
    // The runs are worth something.
    #expect(handovers > 300)
  }

  @Test func anOrderOfCandidates() {
    var store = LeaseStore()
    var first = AddressClaims(identity: "a", timing: .init(duration: 10, stagger: 0.25))
    var second = AddressClaims(identity: "b", timing: .init(duration: 10, stagger: 0.25))
    first.want(Self.address, rank: 0, isUnused: false, now: 0)
    second.want(Self.address, rank: 1, isUnused: false, now: 0)
    #expect(first.due(0).steps == [.claim(Self.address)])
    #expect(second.due(0).steps.isEmpty && second.due(0).next == 0.25)
    let lease = store.write(first.record(claiming: Self.address, wallClock: .now()), over: nil)!
    let isNew = first.claimed(Self.address, lease, began: 0, now: 0.01)
    #expect(isNew)
    second.see(Self.address, lease, now: 0.02)
    #expect(second.due(10).steps.isEmpty)
    // The holder is gone: its time is over from when the Lease was last seen to change.
    #expect(second.due(10.26).steps.isEmpty && second.due(10.28).steps == [.claim(Self.address)])
    #expect(first.held[Self.address]! < 7)
    // Renewed in time, and given back when it may no longer announce.
    #expect(first.due(2.4).steps.isEmpty && first.due(2.6).steps == [.claim(Self.address)])
    first.know()
    first.want(Self.address, rank: nil, isUnused: false, now: 3)
    #expect(first.held.isEmpty && first.due(3).steps == [.release(isUnused: false, Self.address)])
  }

  /// The holder died before the Service was deleted: a node that knows all Services removes the Lease, when nobody has
  /// renewed it for long, and not one that changed meanwhile.
  @Test func theLeaseOfADeadHolderIsCollected() {
    var record = LeaseRecord()
    record.holder = "dead"
    record.duration = 10
    var store = LeaseStore()
    var claims = AddressClaims(identity: "a", timing: .init(duration: 10))
    claims.see(Self.address, store.write(record, over: nil), now: 5)
    #expect(claims.due(1000).steps.isEmpty && claims.due(1000).next == .infinity)
    claims.know()
    #expect(claims.due(64).steps.isEmpty && claims.due(64).next == 65)
    #expect(claims.due(65).steps == [.collect(Self.address)])
    // It was renewed after all.
    claims.see(Self.address, store.write(record, over: "1"), now: 66)
    #expect(claims.due(125).steps.isEmpty && claims.due(126).steps == [.collect(Self.address)])
    // The deletion failed; it is tried again.
    claims.failed(Self.address, now: 126)
    #expect(claims.due(126).steps.isEmpty && claims.due(128).steps == [.collect(Self.address)])
    // A Service has it, although this node may not announce it.
    claims.want(Self.address, rank: nil, isUnused: false, now: 130)
    #expect(claims.due(1000).steps.isEmpty)
    claims.want(Self.address, rank: nil, isUnused: true, now: 131)
    #expect(claims.due(131).steps == [.collect(Self.address)])
    claims.released(Self.address, nil, now: 131)
    #expect(claims.due(1000).steps.isEmpty && claims.seen(Self.address) == nil)
  }

  /// Leases are seen before Services: until these are known nothing is given back.
  @Test func aStartingNodeGivesNothingBack() {
    var record = LeaseRecord()
    record.holder = "a"
    record.duration = 10
    var store = LeaseStore()
    var claims = AddressClaims(identity: "a", timing: .init(duration: 10))
    claims.see(Self.address, store.write(record, over: nil), now: 5)
    #expect(claims.due(6).steps.isEmpty)
    claims.know()
    #expect(claims.due(6).steps == [.release(isUnused: true, Self.address)])
  }

  @Test func aRestartedNodeTakesUpWhatItHad() {
    var claims = AddressClaims(identity: "a", timing: .init(duration: 10))
    var record = LeaseRecord()
    record.holder = "a"
    record.duration = 10
    var store = LeaseStore()
    claims.see(Self.address, store.write(record, over: nil), now: 5)
    claims.want(Self.address, rank: 2, isUnused: false, now: 5)
    #expect(claims.due(5).steps == [.claim(Self.address)])
  }
}
