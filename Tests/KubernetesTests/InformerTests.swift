import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

@Suite struct InformerTests {
  /// What an informer told, and a gate for each number of calls.
  final class Log: Sendable {
    private let entries = Mutex<[String]>([])
    private let expected: Int
    let complete = Gate()

    init(expecting expected: Int) { self.expected = expected }

    func add(_ entry: String) {
      let count = entries.withLock { entries in
        entries.append(entry)
        return entries.count
      }
      if count == expected { complete.open() }
    }

    var all: [String] { entries.withLock { $0 } }
  }

  static func pod(_ name: String, _ version: Int) -> String {
    #"{"metadata":{"name":"\#(name)","namespace":"default","resourceVersion":"\#(version)"}}"#
  }
  static func event(_ type: String, _ name: String, _ version: Int) -> String {
    #"{"type":"\#(type)","object":\#(pod(name, version))}"# + "\n"
  }
  static func list(_ version: Int, _ pods: [String], next: String = "") -> String {
    #"{"kind":"PodList","metadata":{"resourceVersion":"\#(version)","continue":"\#(next)"},"items":["#
      + pods.joined(separator: ",") + "]}"
  }

  private func run(_ steps: [ScriptedTransport.Step], expecting: Int) -> (Log, ScriptedTransport) {
    let transport = ScriptedTransport(steps)
    let log = Log(expecting: expecting)
    var options = Informer.Options()
    options.backoff = Backoff(first: 0.001, longest: 0.002)
    let informer = Informer(
      APIClient(transport), .pods, ListOptions(labelSelector: "app=web,tier in (a,b)"), options: options,
      onReplace: { objects in log.add("= " + objects.map { "\($0.kind) \($0.name)" }.joined(separator: " ")) },
      onEvent: { change, object in log.add("\(change) \(object.name) \(object.resourceVersion)") })
    informer.start()
    #expect(log.complete.wait(timeout: 20))
    #expect(informer.waitUntilSynced(timeout: 20))
    #expect(informer.hasSynced)
    informer.stop()
    informer.waitUntilEnded()
    return (log, transport)
  }

  @Test(arguments: [1, 2, 7, 64, 100_000])
  func eventsComeInOrderHoweverTheBytesAreCut(piece: Int) {
    let lines =
      Self.event("ADDED", "b", 11) + Self.event("MODIFIED", "a", 12) + Self.event("BOOKMARK", "", 13)
      + Self.event("DELETED", "b", 14)
    let (log, transport) = run(
      [.answer(200, Self.list(10, [Self.pod("a", 9)])), .watch(lines, piece: piece, staysOpen: true)], expecting: 4)
    #expect(log.all == ["= Pod a", "added b 11", "modified a 12", "deleted b 14"])
    #expect(
      transport.requests.first
        == "GET /api/v1/pods?limit=500&resourceVersion=0&labelSelector=app%3Dweb%2Ctier%20in%20%28a%2Cb%29")
  }

  @Test func listIsReadInPages() {
    let (log, transport) = run(
      [
        .answer(200, Self.list(10, [Self.pod("a", 9)], next: "x/1")), .answer(200, Self.list(10, [Self.pod("b", 9)])),
        .watch("", piece: 1, staysOpen: true),
      ], expecting: 1)
    #expect(log.all == ["= Pod a Pod b"])
    #expect(transport.requests[1].contains("continue=x%2F1"))
    #expect(!transport.requests[1].contains("resourceVersion"))
  }

  @Test func aWatchThatEndsIsResumedAtTheLastVersion() {
    let (log, transport) = run(
      [
        .answer(200, Self.list(10, [])), .watch(Self.event("ADDED", "a", 11), piece: 9, staysOpen: false),
        .failure, .answer(503, ""), .watch(Self.event("BOOKMARK", "", 15), piece: 9, staysOpen: false),
        .watch(Self.event("ADDED", "b", 16), piece: 9, staysOpen: true),
      ], expecting: 3)
    #expect(log.all == ["= ", "added a 11", "added b 16"])
    let versions = transport.requests.dropFirst().map { request in
      request.split(whereSeparator: { $0 == "?" || $0 == "&" }).first { $0.hasPrefix("resourceVersion=") } ?? ""
    }
    #expect(
      versions == [
        "resourceVersion=10", "resourceVersion=11", "resourceVersion=11", "resourceVersion=11", "resourceVersion=15",
      ])
  }

  @Test(arguments: [
    ScriptedTransport.Step.watch(
      #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"old"}}"# + "\n", piece: 5,
      staysOpen: true),
    .answer(410, #"{"kind":"Status","code":410,"reason":"Expired"}"#),
  ])
  func tooOldAVersionMakesItListAnew(expired: ScriptedTransport.Step) {
    let (log, transport) = run(
      [
        .answer(200, Self.list(10, [Self.pod("a", 9)])), expired, .answer(200, Self.list(20, [Self.pod("b", 19)])),
        .watch(Self.event("DELETED", "b", 21), piece: 9, staysOpen: true),
      ], expecting: 3)
    #expect(log.all == ["= Pod a", "= Pod b", "deleted b 21"])
    #expect(!transport.requests[2].contains("resourceVersion"))
  }

  @Test func listFailuresAreRetried() {
    let (log, _) = run(
      [.failure, .answer(500, "broken"), .answer(200, Self.list(1, [])), .watch("", piece: 1, staysOpen: true)],
      expecting: 1)
    #expect(log.all == ["= "])
  }

  @Test func aBrokenLineRestartsTheWatch() {
    let (log, _) = run(
      [
        .answer(200, Self.list(10, [])), .watch("{\"type\":\n", piece: 3, staysOpen: true),
        .watch(Self.event("ADDED", "a", 11), piece: 9, staysOpen: true),
      ], expecting: 2)
    #expect(log.all == ["= ", "added a 11"])
  }
}
