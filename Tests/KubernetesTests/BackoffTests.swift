import Kubernetes
import Linux
import Synchronization
import Testing

/// What the clients of a whole cluster do to an API server that goes away and comes back.
@Suite struct BackoffTests {
  /// In thought time: a thousand clients lose the server at one moment; it is away for so many seconds. When do they ask?
  static func attempts(outage: Double, clients: Int = 1000) -> [Double] {
    var moments: [Double] = []
    for _ in 0..<clients {
      var backoff = Backoff()
      // A watch that ends too early, then pauses between attempts until one succeeds.
      var now = Double.random(in: 0...backoff.first)
      while true {
        moments.append(now)
        if now >= outage { break }
        now += backoff.pause()
      }
    }
    return moments
  }

  @Test(arguments: [0, 0.5, 3, 20, 120, 3600])
  func noMomentBelongsToAll(outage: Double) {
    let moments = Self.attempts(outage: outage)
    var windows: [Int: Int] = [:]
    for moment in moments { windows[Int(moment * 10), default: 0] += 1 }
    // First and second attempts overlap: about 200 of 1000 clients in the fullest tenth of a second, with a standard
    // deviation of 13; later it is less.
    #expect((windows.values.max() ?? 0) < 300, "\(windows.max { $0.value < $1.value } as Any)")
    // Nobody asks often: a step is 1 s, then 2, 4, 8, and 15 for ever, of each at least a quarter.
    #expect(Double(moments.count) / 1000 < 7 + outage / 9)
    // And nobody stays away for long after the server is back.
    #expect(moments.max()! <= outage + 15)
  }

  /// While nobody hears them, clients ask a little more often, and are back sooner; still never all at one moment.
  @Test func nobodyIsAwayForLongAfterTheWayWasCut() {
    var moments: [Double] = []
    for _ in 0..<1000 {
      var backoff = Backoff()
      var now = Double.random(in: 0...backoff.first)
      while now < 300 { now += backoff.pause(isUnheard: true) }
      moments.append(now)
    }
    #expect(moments.max()! <= 305)
    var windows: [Int: Int] = [:]
    for moment in moments { windows[Int(moment * 10), default: 0] += 1 }
    #expect((windows.values.max() ?? 0) < 100)
  }

  @Test func whatTheServerAskedForIsKept() {
    var backoff = Backoff(first: 0.1, longest: 1)
    for _ in 0..<20 { #expect((7.0...10.5).contains(backoff.pause(atLeast: 7))) }
    #expect(backoff.pause() <= 1)
  }

  /// An API server in memory that can go away: every watch ends at that moment, and every request fails until it is back.
  final class Server: APITransport {
    struct State {
      var isUp = true
      var lists = 0
      var watches = 0
      var streams: [ScriptedTransport.Stream] = []
    }
    let state = Mutex(State())

    func send(_ request: APIRequest) throws -> APIResponse {
      let isUp = state.withLock { state in
        state.lists += 1
        return state.isUp
      }
      if !isUp { throw TransportError(.unreachable, "away") }
      return APIResponse(status: 200, body: Array(#"{"metadata":{"resourceVersion":"7"},"items":[]}"#.utf8))
    }

    func stream(
      _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
      onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
    ) -> any APIStream {
      let stream = ScriptedTransport.Stream(onEnd)
      let isUp = state.withLock { state in
        state.watches += 1
        if state.isUp { state.streams.append(stream) }
        return state.isUp
      }
      if !isUp { _ = Thread("away") { stream.end(.failure(TransportError(.unreachable, "away"))) } }
      return stream
    }

    func set(isUp: Bool) {
      let streams = state.withLock { state in
        state.isUp = isUp
        defer { if !isUp { state.streams = [] } }
        return isUp ? [] : state.streams
      }
      for stream in streams { stream.end(.success(APIResponse(status: 200))) }
    }
  }

  @Test func aServerThatComesBackIsAskedForWatchesOnly() {
    let server = Server()
    let informers = (0..<100).map { _ in
      var options = Informer.Options()
      options.backoff = Backoff(first: 0.2, longest: 1)
      return Informer(APIClient(server), .pods, options: options, onReplace: { _ in }, onEvent: { _, _ in })
    }
    for informer in informers { informer.start() }
    for informer in informers { #expect(informer.waitUntilSynced(timeout: 30)) }
    func wait(_ condition: (Server.State) -> Bool) -> Bool {
      for _ in 0..<600 {
        if server.state.withLock({ condition($0) }) { return true }
        Gate().wait(timeout: 0.05)
      }
      return false
    }
    #expect(wait { $0.streams.count == 100 })
    server.set(isUp: false)
    // Everyone has tried at least once in vain.
    #expect(wait { $0.watches >= 300 })
    server.set(isUp: true)
    #expect(wait { $0.streams.count == 100 })
    #expect(server.state.withLock { $0.lists } == 100)
    for informer in informers { informer.stop() }
    for informer in informers { informer.waitUntilEnded() }
  }
}
