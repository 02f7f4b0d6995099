import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

@Suite("Leader election", .serialized)
struct LeaderElectionTests {
  /// The way of one candidate to the server, which can be cut: then requests fail after a while, as in a network that
  /// drops everything.
  final class Cuttable: APITransport {
    private let inner: any APITransport
    private let cut = Atomic(false)
    let requests = Atomic(0)

    init(_ inner: any APITransport) { self.inner = inner }

    func set(cut isCut: Bool) { cut.store(isCut, ordering: .relaxed) }

    func send(_ request: APIRequest) throws -> APIResponse {
      requests.add(1, ordering: .relaxed)
      if cut.load(ordering: .relaxed) {
        usleep(UInt32(min(request.timeout ?? 60, 0.3) * 1e6))
        throw TransportError(.timeout, "cut")
      }
      return try inner.send(request)
    }

    func stream(
      _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
      onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
    ) -> any APIStream { inner.stream(request, onData: onData, onEnd: onEnd) }
  }

  /// What happened among all candidates, in order.
  final class Record: Sendable {
    private let entries = Monitor<[String]>([])
    private let leading = Mutex<Set<String>>([])
    /// The most that led at once.
    let most = Mutex(0)

    func start(_ name: String) {
      let count = leading.withLock { leading in
        leading.insert(name)
        return leading.count
      }
      most.withLock { $0 = max($0, count) }
      add("\(name) leads")
    }
    func stop(_ name: String) {
      _ = leading.withLock { $0.remove(name) }
      add("\(name) ends")
    }
    private func add(_ entry: String) {
      entries.withLock { $0.append(entry) }
      entries.wakeAll()
    }
    var all: [String] { entries.withLock { $0 } }
    func wait(for entry: String, count: Int = 1) -> Bool {
      entries.wait(timeout: 30) { entries in entries.count { $0 == entry } >= count ? true : nil } ?? false
    }
    func wait(_ condition: @escaping ([String]) -> Bool) -> Bool {
      entries.wait(timeout: 30) { entries in condition(entries) ? true : nil } ?? false
    }
  }

  let api: APIFixture
  let record = Record()

  init() throws { api = try APIFixture() }

  static let path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/swt"

  func candidate(
    _ name: String, _ transport: (any APITransport)? = nil, skew: Double = 0, duration: Double = 2
  ) -> LeaderElection {
    var options = LeaderElection.Options(namespace: "kube-system", name: "swt", identity: name)
    options.leaseDuration = duration
    options.renewDeadline = 1
    options.retryPeriod = 0.1
    // Both clocks of this candidate show another time than everyone else's.
    options.clock = { Time.bootSeconds + skew }
    options.wallClock = { Timestamp.now().adding(seconds: skew) }
    let record = record
    return LeaderElection(
      transport ?? api.server.transport, options, onStart: { record.start(name) }, onStop: { record.stop(name) })
  }

  func lease() throws -> LeaseRecord { LeaseRecord(try api.send("GET", Self.path).json["spec"]) }

  @Test func theFirstLeadsAndGivesTheLeaseBackWhenItStops() throws {
    let first = candidate("a")
    let second = candidate("b")
    first.start()
    #expect(record.wait(for: "a leads"))
    #expect(first.isLeader)
    second.start()
    usleep(500_000)
    #expect(!second.isLeader)
    #expect(second.leader == "a")
    #expect(try lease().holder == "a")
    let renewed = try #require(try lease().renewed)
    #expect(record.all == ["a leads"])
    first.stop()
    #expect(!first.isLeader)
    // Given back, so nobody waits for the lease to run out.
    #expect(record.wait(for: "b leads"))
    #expect(record.all == ["a leads", "a ends", "b leads"])
    let now = try lease()
    #expect(now.holder == "b" && now.transitions == 1 && now.duration == 2)
    #expect(try #require(now.acquired) >= renewed)
    second.stop()
    #expect(try lease().holder == "")
    #expect(try lease().duration == 1)
  }

  @Test(arguments: [0, 86400, -86400, 1e8])
  func whoIsCutOffEndsBeforeTheNextBegins(skew: Double) throws {
    let way = Cuttable(api.server.transport)
    let first = candidate("a", way, skew: skew)
    let second = candidate("b")
    first.start()
    #expect(record.wait(for: "a leads"))
    second.start()
    // Longer than the lease lasts: a clock that shows another time must not make it look expired, nor eternal.
    usleep(2_500_000)
    #expect(record.all == ["a leads"])
    way.set(cut: true)
    #expect(record.wait(for: "b leads"))
    #expect(record.all == ["a leads", "a ends", "b leads"])
    #expect(!first.isLeader && second.isLeader)
    // Back again, it stands as a candidate and disturbs nobody.
    way.set(cut: false)
    usleep(500_000)
    #expect(second.isLeader && !first.isLeader)
    #expect(first.leader == "b")
    second.stop()
    #expect(record.wait(for: "a leads", count: 2))
    first.stop()
    #expect(record.most.withLock { $0 } == 1)
  }

  /// A process that was killed neither renews nor gives back; here its Lease stands, written by someone with another clock.
  @Test func theLeaseOfADeadHolderIsTakenAfterItsOwnDuration() throws {
    let future = Timestamp.now().adding(seconds: 1e7).microDescription
    try api.create(
      "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
      [
        "metadata": ["name": "swt", "labels": ["kept": "yes"]],
        "spec": [
          "holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": .string(future),
          "acquireTime": .string(future), "leaseTransitions": 6,
        ],
      ])
    let began = Time.monotonicSeconds
    let only = candidate("a")
    only.start()
    #expect(record.wait(for: "a leads"))
    #expect(Time.monotonicSeconds - began >= 1)
    #expect(try lease().transitions == 7)
    #expect(try api.send("GET", Self.path).json["metadata", "labels", "kept"] == "yes")
    only.stop()
  }

  @Test func aLeaderWhoseLeaseIsTakenAwayEndsAtOnceAndOneThatIsDeletedIsMadeAgain() throws {
    let only = candidate("a")
    only.start()
    #expect(record.wait(for: "a leads"))
    #expect(try api.send("DELETE", Self.path).status == 200)
    for _ in 0..<100 where try api.send("GET", Self.path).status != 200 { usleep(50_000) }
    #expect(try lease().holder == "a")
    #expect(record.all == ["a leads"])
    let taken: JSON = ["spec": ["holderIdentity": "thief", "leaseDurationSeconds": 3600]]
    #expect(try api.send("PATCH", Self.path, taken, type: "application/merge-patch+json").status == 200)
    #expect(record.wait(for: "a ends"))
    #expect(only.leader == "thief")
    // Somebody else's labels are no reason to end.
    #expect(try api.send("DELETE", Self.path).status == 200)
    #expect(record.wait(for: "a leads", count: 2))
    for number in 0..<20 {
      let label: JSON = ["metadata": ["labels": ["n": .string("\(number)")]]]
      #expect(try api.send("PATCH", Self.path, label, type: "application/merge-patch+json").status == 200)
      usleep(20_000)
    }
    #expect(only.isLeader)
    #expect(record.all == ["a leads", "a ends", "a leads"])
    only.stop()
  }

  @Test func neverTwoAtOnceWhateverIsCut() throws {
    let ways = (0..<5).map { _ in Cuttable(api.server.transport) }
    let candidates = ways.enumerated().map { candidate("c\($0)", $1, skew: Double($0) * 1000, duration: 3) }
    for candidate in candidates { candidate.start() }
    for round in 0..<4 {
      #expect(record.wait { entries in entries.count { $0.hasSuffix("leads") } > round })
      // The leader is cut off until another leads, and some others for a while.
      let leader = candidates.firstIndex { $0.isLeader }
      for (index, way) in ways.enumerated() { way.set(cut: index == leader || Bool.random()) }
      #expect(record.wait { entries in entries.count { $0.hasSuffix("ends") } > round })
      for (index, way) in ways.enumerated() { way.set(cut: index == leader) }
    }
    for candidate in candidates { candidate.stop() }
    #expect(record.most.withLock { $0 } == 1)
    // Who stops gives back at once, and the next may lead before it stops itself: starts and ends alternate.
    for (index, entry) in record.all.enumerated() {
      #expect(entry.hasSuffix(index.isMultiple(of: 2) ? "leads" : "ends"), "\(record.all)")
    }
  }

  @Test func timesThatCannotWorkAreNamed() {
    var options = LeaderElection.Options(namespace: "n", name: "l", identity: "a")
    #expect(options.fault == nil)
    options.renewDeadline = 15
    #expect(options.fault?.contains("n/l") == true)
    options.renewDeadline = 2.3
    #expect(options.fault != nil)
    options = LeaderElection.Options(namespace: "n", name: "l", identity: "")
    #expect(options.fault != nil)
  }
}
