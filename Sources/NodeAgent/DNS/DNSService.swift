package import Addressing
package import ClusterDNS
internal import Glibc
internal import Linux
internal import Synchronization

/// A name server with what belongs to it: its Corefile, which is read again when it changes, and the HTTP ports where
/// others ask for its health and its counters.
package final class DNSService: Sendable {
  package let server: DNSServer
  private let log = Log("dns")
  private let loop: EventLoop
  private let thread: Mutex<Linux.Thread?> = Mutex(nil)
  private let http: HTTPResponder
  private let state: Mutex<State>
  private let settings: Settings

  private struct State {
    var text: [UInt8] = []
    var failedReloads = 0
    var isLeaving = false
  }

  /// Where the service gets what the Corefile does not say.
  package struct Settings: Sendable {
    package var version = "unknown"
    package var corefile: String?
    /// Ranges whose reverse names are the cluster's.
    package var reverseRanges: [Prefix] = []
    package var health: [AddressAndPort] = []
    package var ready: [AddressAndPort] = []
    package var metrics: [AddressAndPort] = []
    /// Seconds between the moment when the service is no longer ready and its end.
    package var lameduck = 0
    /// Seconds between two looks at the Corefile; 0 for never.
    package var reloadInterval = 30

    package init() {}
  }

  /// Binds the server's addresses; nothing is answered before `start`. What the Corefile says counts for more than the
  /// configuration's fields.
  package init(_ configuration: DNSServer.Configuration, _ settings: Settings) throws {
    var configuration = configuration
    var text: [UInt8] = []
    if let path = settings.corefile {
      text = try Files.read(path)
      configuration.blocks = try Self.rules(text, settings.reverseRanges, configuration.logSampling, log)
    }
    server = try DNSServer(configuration)
    self.settings = settings
    state = Mutex(State(text: text))
    loop = try EventLoop()
    let answers = Answers()
    http = try HTTPResponder("dns http") { answers.answer($0) }
    answers.service.withLock { $0 = self }
  }

  /// What the responder asks; it is made before the service is whole.
  private final class Answers: Sendable {
    let service: Mutex<DNSService?> = Mutex(nil)
    func answer(_ question: HTTPResponder.Question) -> HTTPResponder.Answer {
      service.withLock { $0 }?.answer(question) ?? HTTPResponder.Answer(503, "not started\n")
    }
  }

  package func start() throws {
    try server.start()
    http.start()
    http.listen(Set(settings.health + settings.ready + settings.metrics))
    if settings.corefile != nil, settings.reloadInterval > 0 {
      loop.perform { [self] in
        let interval = Double(settings.reloadInterval)
        loop.schedule(after: interval, every: interval) { [self] in reload() }
      }
    }
    thread.withLock { thread in
      thread = Linux.Thread("dns-reload") { [loop, log] in
        do { try loop.run() } catch { log.error("\(error); the Corefile is not read again") }
      }
    }
  }

  /// No longer ready; goes on answering for the lame duck's time, so that nobody's question is lost, then stops.
  package func stop() {
    state.withLock { $0.isLeaving = true }
    if settings.lameduck > 0 { sleep(UInt32(settings.lameduck)) }
    loop.stop()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    http.stop()
    server.stop()
  }

  /// Reads the Corefile and takes it up if it has changed. One that cannot be used changes nothing.
  package func reload() {
    guard let path = settings.corefile else { return }
    do {
      let text = try Files.read(path)
      guard state.withLock({ $0.text }) != text else { return }
      state.withLock { $0.text = text }
      try server.reload(try Self.rules(text, settings.reverseRanges, server.configuration.logSampling, log))
      log.info("\(path) has changed and is in force")
    } catch {
      state.withLock { $0.failedReloads += 1 }
      log.error("\(path) has changed and cannot be used, so that what it said before stays in force: \(error)")
    }
  }

  private static func rules(_ text: [UInt8], _ ranges: [Prefix], _ sampling: Int, _ log: Log) throws -> [BlockRules] {
    let corefile = try read(text)
    for notice in corefile.notices { log.warning("\(notice)") }
    return corefile.blocks.map { block in
      var block = block
      if block.answersCluster { block.reverseRanges = ranges }
      block.logSampling = max(block.logSampling, sampling)
      return block
    }
  }

  /// A Corefile with this machine as its surroundings.
  package static func read(_ text: [UInt8]) throws -> Corefile {
    var environment: [String: String] = [:]
    var entry = environ
    while let pointer = entry.pointee {
      let words = String(cString: pointer).split(separator: "=", maxSplits: 1).map(String.init)
      if words.count == 2 { environment[words[0]] = words[1] }
      entry += 1
    }
    return try Corefile(
      parsing: String(decoding: text, as: UTF8.self),
      Corefile.Surroundings(environment: environment) { try? Files.readText($0) })
  }

  private func answer(_ question: HTTPResponder.Question) -> HTTPResponder.Answer {
    let (isLeaving, failed) = state.withLock { ($0.isLeaving, $0.failedReloads) }
    switch question.path {
    case "/health": return .init(200, "OK")
    case "/ready":
      if isLeaving { return .init(503, "leaving") }
      // As CoreDNS: the names of what is not ready.
      return server.isSynced ? .init(200, "OK") : .init(503, "kubernetes")
    case "/metrics":
      return .init(
        200, DNSMetrics.text(server, version: settings.version, failedReloads: failed),
        contentType: "text/plain; version=0.0.4; charset=utf-8")
    default: return .init(404, "there is no \(question.path) here: /health, /ready and /metrics\n")
    }
  }
}
