internal import JSON
internal import Linux
internal import Synchronization

/// Keeps its owner told about all objects of one type: lists them, then watches from there, and resumes at the last
/// resource version whenever the watch ends. Where that version is too old (410) it lists anew. It keeps no objects.
///
/// All callbacks come from one thread, in order: first `onReplace` with everything there is, then `onEvent` for each
/// change, and `onReplace` again after a gap that could not be resumed. They may block; events wait meanwhile.
package final class Informer: ReturnObserver {
  package enum Change: Sendable {
    /// Also sent for an object the owner knows already, when a server repeats itself.
    case added
    case modified
    case deleted
  }

  package struct Options: Sendable {
    /// Seconds after which the server shall end a watch; each watch takes a random value up to twice this.
    package var watchTimeout = 300
    /// Seconds beyond that after which a watch is given up from this side.
    package var watchGrace = 30
    package var backoff = Backoff()
    package var pageSize = 500
    /// Told about every failure, for logs; the informer goes on by itself.
    package var onError: (@Sendable (any Error) -> Void)?

    package init() {}
  }

  /// Seconds over which those spread who hear that the server is back.
  private static let returnSpread = 0.5

  private enum Message: Sendable {
    case data(watch: Int, [UInt8])
    case end(watch: Int, Result<APIResponse, any Error>)
    /// The server answers others that could not reach it either.
    case returned
    case stop
  }

  private enum WatchEnd {
    /// When its time was over.
    case inTime
    /// Before that; the server stops, or something on the way does.
    case early
    /// Without having been of any use.
    case atOnce
  }

  private struct State {
    var isStopped = false
    var stream: (any APIStream)?
  }

  private let client: APIClient
  package let type: ResourceType
  private let selection: ListOptions
  private let options: Options
  private let replacing: Replacing
  private let onEvent: @Sendable (Change, KubernetesObject) -> Void
  private let mailbox = Mailbox<Message>()
  private let state = Mutex(State())
  private let synced = Gate()
  private let ended = Gate()

  /// What happens to the objects of a list.
  package enum Replacing: Sendable {
    /// All at once.
    case whole(@Sendable ([KubernetesObject]) -> Void)
    /// One after the other as they are read, between a beginning and an end, for owners that keep less than the whole
    /// object. A list that fails under way begins anew, without an end before.
    case each(begin: @Sendable () -> Void, item: @Sendable (KubernetesObject) -> Void, end: @Sendable () -> Void)
  }

  /// Nothing happens before `start`.
  package convenience init(
    _ client: APIClient, _ type: ResourceType, _ selection: ListOptions = ListOptions(), options: Options = Options(),
    onReplace: @escaping @Sendable ([KubernetesObject]) -> Void,
    onEvent: @escaping @Sendable (Change, KubernetesObject) -> Void
  ) {
    self.init(client, type, selection, options: options, replacing: .whole(onReplace), onEvent: onEvent)
  }

  /// Nothing happens before `start`.
  package init(
    _ client: APIClient, _ type: ResourceType, _ selection: ListOptions = ListOptions(), options: Options = Options(),
    replacing: Replacing, onEvent: @escaping @Sendable (Change, KubernetesObject) -> Void
  ) {
    self.client = client
    self.type = type
    self.selection = selection
    self.options = options
    self.replacing = replacing
    self.onEvent = onEvent
  }

  /// Whether the first `onReplace` has returned.
  package var hasSynced: Bool { synced.isOpen }

  /// Waits until the first `onReplace` has returned; false if that took longer than `timeout` seconds.
  @discardableResult
  package func waitUntilSynced(timeout: Double) -> Bool { synced.wait(timeout: timeout) }

  /// Starts the informer's thread, which keeps the informer alive until `stop`. Call it once.
  package func start() {
    client.transport.observeReturn(self)
    _ = Thread("inf-\(type.plural)") {
      self.run()
      self.ended.open()
    }
  }

  /// Waits, after `stop`, until no callback will be made any more. Not from within a callback.
  package func waitUntilEnded() { ended.wait(timeout: .infinity) }

  /// Ends soon; at most one callback that runs already is finished. Does not wait.
  package func stop() {
    let stream = state.withLock { state -> (any APIStream)? in
      state.isStopped = true
      defer { state.stream = nil }
      return state.stream
    }
    mailbox.put(.stop)
    stream?.cancel()
  }

  package func serverReturned() { mailbox.put(.returned) }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  private func run() {
    var backoff = options.backoff
    var version: String?
    var isFirst = true
    var watch = 0
    while !isStopped {
      do {
        if version == nil {
          // "0": any version the server has in memory will do; after a 410 only the newest.
          guard let newest = try list(isFirst ? "0" : nil) else { break }
          isFirst = false
          version = newest
          synced.open()
        }
        watch += 1
        switch try follow(watch: watch, version: &version, backoff: &backoff) {
        case .inTime: backoff.reset()
        case .early:
          // A server that goes away ends everybody's watches at one moment; all must not be back at the next.
          backoff.reset()
          pause(Double.random(in: 0...backoff.first), endsOnReturn: true)
        case .atOnce: pause(backoff.pause(), endsOnReturn: true)
        }
      } catch {
        if isStopped { break }
        if let status = error as? APIStatus, status.isExpired { version = nil }
        options.onError?(error)
        let isUnheard = (error as? TransportError)?.isUnreachable ?? false
        pause(
          backoff.pause(atLeast: (error as? APIStatus)?.retryAfter, isUnheard: isUnheard),
          endsOnReturn: error is TransportError)
      }
    }
  }

  /// Lists everything and hands it over; answers the list's version, or nil when stopped meanwhile.
  private func list(_ version: String?) throws -> String? {
    switch replacing {
    case .whole(let replace):
      let list = try client.list(type, selection, pageSize: options.pageSize, resourceVersion: version)
      if isStopped { return nil }
      replace(list.items)
      return list.resourceVersion
    case .each(let begin, let item, let end):
      begin()
      let newest = try client.readList(type, selection, pageSize: options.pageSize, resourceVersion: version, item)
      if isStopped { return nil }
      end()
      return newest
    }
  }

  /// Waits without being deaf to `stop`; what else arrives belongs to an old watch. With `endsOnReturn`, not much longer
  /// than until another of the transport's users reaches the server: they all share one way.
  private func pause(_ seconds: Double, endsOnReturn: Bool = false) {
    var left = seconds
    var before = Time.monotonicSeconds
    while left > 0, !isStopped {
      let messages = mailbox.take(timeout: left)
      let now = Time.monotonicSeconds
      left -= now - before
      before = now
      let hasReturned = messages.contains { if case .returned = $0 { true } else { false } }
      if endsOnReturn, hasReturned { left = min(left, Double.random(in: 0...Self.returnSpread)) }
    }
  }

  /// One watch to its end.
  private func follow(watch: Int, version: inout String?, backoff: inout Backoff) throws -> WatchEnd {
    let timeout = Int.random(in: options.watchTimeout...(2 * options.watchTimeout))
    let target = selection.target(
      type,
      [
        ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version ?? ""),
        ("timeoutSeconds", String(timeout)),
      ])
    let mailbox = self.mailbox
    let stream = client.transport.stream(
      APIRequest("GET", target, headers: ["accept": "application/json"]),
      onData: { mailbox.put(.data(watch: watch, $0)) },
      onEnd: { mailbox.put(.end(watch: watch, $0)) })
    let isStopped = state.withLock { state in
      state.stream = stream
      return state.isStopped
    }
    defer {
      state.withLock { $0.stream = nil }
      stream.cancel()
    }
    if isStopped { return .inTime }
    var decoder = WatchDecoder()
    let started = Time.monotonicSeconds
    let deadline = started + Double(timeout + options.watchGrace)
    var events = 0
    while true {
      let messages = mailbox.take(timeout: max(0.001, deadline - Time.monotonicSeconds))
      for message in messages {
        switch message {
        case .data(watch, let bytes):
          for event in try decoder.decode(bytes) {
            if self.isStopped { return .inTime }
            try handle(event, version: &version)
            events += 1
            backoff.reset()
          }
        case .end(watch, let result):
          let response = try result.get()
          guard response.status == 200 else { throw APIStatus(response) }
          let age = Time.monotonicSeconds - started
          if age >= Double(timeout) - 1 { return .inTime }
          return events > 0 || age > 1 ? .early : .atOnce
        case .stop: return .inTime
        default: continue
        }
      }
      if messages.isEmpty, Time.monotonicSeconds >= deadline {
        throw TransportError(
          .timeout, "the watch of \(type) did not end \(options.watchGrace) s after its timeout of \(timeout) s")
      }
    }
  }

  private func handle(_ event: WatchEvent, version: inout String?) throws {
    if event.kind == .error { throw APIStatus(event.object, code: 500) }
    let object = APIClient.complete(event.object, type)
    switch event.kind {
    case .added: onEvent(.added, object)
    case .modified: onEvent(.modified, object)
    case .deleted: onEvent(.deleted, object)
    case .bookmark, .error: break
    }
    if !object.resourceVersion.isEmpty { version = object.resourceVersion }
  }
}
