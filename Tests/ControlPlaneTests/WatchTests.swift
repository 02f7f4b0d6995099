import ControlPlane
import JSON
import Kubernetes
import Synchronization
import Testing

@Suite("Watches")
struct WatchTests {
  let api: APIFixture

  init() throws { api = try APIFixture() }

  /// The lines of a watch that ends by itself.
  private func watch(_ target: String, accept: String = "") throws -> [JSON] {
    let response = try api.server.transport.send(APIRequest("GET", target, headers: ["accept": accept]))
    return try response.body.split(separator: 0x0A).map { try JSON(parsing: Array($0)) }
  }

  private func revision() throws -> String {
    try #require(try api.send("GET", APIFixture.pods).json["metadata", "resourceVersion"].string)
  }

  private func label(_ name: String, _ value: JSON) throws {
    try api.send(
      "PATCH", APIFixture.pods + "/" + name, ["metadata": ["labels": ["app": value]]],
      type: "application/merge-patch+json")
  }

  @Test func changesComeInOrder() throws {
    let start = try revision()
    try api.create(APIFixture.pods, APIFixture.pod("a"))
    try label("a", "x")
    try api.send("DELETE", APIFixture.pods + "/a")
    let lines = try watch("\(APIFixture.pods)?watch=True&timeoutSeconds=0&resourceVersion=\(start)")
    #expect(lines.map { $0["type"].string } == ["ADDED", "MODIFIED", "DELETED"])
    let revisions = lines.compactMap { $0["object", "metadata", "resourceVersion"].string.flatMap { Int($0) } }
    #expect(revisions == revisions.sorted() && Set(revisions).count == 3)
    #expect(lines[0]["object", "kind"] == "Pod")
  }

  @Test func leavingAndEnteringASelectorIsDeletionAndAddition() throws {
    try api.create(APIFixture.pods, APIFixture.pod("a", labels: ["app": "x"]))
    let start = try revision()
    try label("a", "y")
    try label("a", "x")
    let lines = try watch("\(APIFixture.pods)?watch=1&timeoutSeconds=0&labelSelector=app%3Dx&resourceVersion=\(start)")
    #expect(lines.map { $0["type"].string } == ["DELETED", "ADDED"])
    #expect(lines[0]["object", "metadata", "labels", "app"] == "x")
  }

  @Test func aListWatchSendsWhatThereIsAndThenABookmark() throws {
    try api.create(APIFixture.pods, APIFixture.pod("a"))
    let lines = try watch(
      "\(APIFixture.pods)?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=0"
    )
    #expect(lines.map { $0["type"].string }.prefix(2) == ["ADDED", "BOOKMARK"])
    #expect(lines[1]["object", "metadata", "annotations", "k8s.io/initial-events-end"] == "true")
    #expect(lines[1]["object", "kind"] == "Pod")
  }

  @Test func aWatchFromAFarPastIsToldToStartAnew() throws {
    let api = try APIFixture { configuration, _ in configuration.historyLimit = StoreHistoryLimit(changes: 8) }
    for index in 0..<20 {
      try api.server.store.write { transaction in
        _ = transaction.put(
          StoreKey("configmaps", namespace: "default", name: "c"), ["n": .int(Int64(index)), "metadata": [:]])
      }
    }
    let response = try api.server.transport.send(
      APIRequest("GET", "\(APIFixture.configMaps)?watch=1&resourceVersion=3&timeoutSeconds=0"))
    let line = try JSON(parsing: response.body)
    #expect(line["type"] == "ERROR")
    #expect(line["object", "code"] == 410)
  }

  @Test func tablesNameTheirColumnsOnce() throws {
    let start = try revision()
    try api.create(APIFixture.pods, APIFixture.pod("a"))
    try api.create(APIFixture.pods, APIFixture.pod("b"))
    let lines = try watch(
      "\(APIFixture.pods)?watch=1&timeoutSeconds=0&resourceVersion=\(start)",
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
    #expect(lines[0]["object", "columnDefinitions"].elements.count == 9)
    #expect(lines[1]["object", "columnDefinitions"].isNull)
    #expect(lines[1]["object", "rows"][0]["cells"][0] == "b")
  }

  @Test func aStreamInsideTheProcessFollowsUntilCancelled() throws {
    let lines = Mutex<[String]>([])
    let ended = Mutex(false)
    let stream = api.server.transport.stream(
      APIRequest("GET", "\(APIFixture.pods)?watch=1&resourceVersion=\(try revision())"),
      onData: { bytes in lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } },
      onEnd: { _ in ended.withLock { $0 = true } })
    try api.create(APIFixture.pods, APIFixture.pod("a"))
    while lines.withLock(\.isEmpty) {}
    #expect(lines.withLock { $0[0].hasPrefix("{\"type\":\"ADDED\"") })
    stream.cancel()
    while !ended.withLock({ $0 }) {}
  }
}
