import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Synchronization
import Testing

/// The client and the informer against the API server over HTTPS on loopback.
@Suite struct ClientOverHTTPSTests {
  private final class Serving {
    let folder: String
    private(set) var server: APIServer
    private(set) var port: UInt16

    init() throws {
      var template = Array("/tmp/swt-control-XXXXXX".utf8CString)
      folder = try #require(mkdtemp(&template).map { String(cString: $0) })
      server = try Self.server(folder)
      port = try server.start([.address(IPAddress("127.0.0.1")!, port: 0)])[0]
    }

    deinit {
      server.stop()
      for name in ["ca.crt", "ca.key", "server.crt", "server.key", "tokens.csv"] { unlink("\(folder)/pki/\(name)") }
      rmdir(folder + "/pki")
      for name in ["api.db", "api.db-wal", "api.db-shm"] { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }

    private static func server(_ folder: String) throws -> APIServer {
      var configuration = APIServerConfiguration(
        databasePath: folder + "/api.db", serviceRanges: [try Prefix(parsing: "10.96.0.0/16")])
      configuration.pkiPath = folder + "/pki"
      return try APIServer(configuration)
    }

    func config() throws -> KubeConfig {
      let text = try #require(server.kubeconfig(server: "https://127.0.0.1:\(port)"))
      return try KubeConfig(Array(text.utf8), file: "kubeconfig")
    }

    /// Serves the same objects at the same port again.
    func serveAgain() throws { try server.start([.address(IPAddress("127.0.0.1")!, port: port)]) }
  }

  private static func map(_ name: String) -> KubernetesObject {
    var map = KubernetesObject(.configMaps, namespace: "default", name: name)
    map.json["data"] = ["a": "b"]
    return map
  }

  @Test func verbs() throws {
    let serving = try Serving()
    let transport = HTTPTransport(try serving.config())
    defer { transport.close() }
    let client = APIClient(transport)
    var map = try client.create(.configMaps, Self.map("x"))
    let stale = map
    map.json["data", "c"] = "d"
    map = try client.update(.configMaps, map)
    do {
      try client.update(.configMaps, stale)
      Issue.record("a stale update was taken")
    } catch let status as APIStatus {
      #expect(status.isConflict)
    }
    do {
      try client.create(.configMaps, Self.map("x"))
      Issue.record("created twice")
    } catch let status as APIStatus {
      #expect(status.isAlreadyExists && !status.isConflict)
    }
    try client.patch(.configMaps, namespace: "default", name: "x", .merge, ["data": ["a": .null]])
    try client.patch(
      .configMaps, namespace: "default", name: "x", .json, [["op": "add", "path": "/data/e", "value": "f"]])
    try client.patch(
      .configMaps, namespace: "default", name: "x", .apply,
      ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "x"], "data": ["g": "h"]], force: true)
    #expect(
      try client.get(.configMaps, namespace: "default", name: "x").json["data"].stringMap
        == ["c": "d", "e": "f", "g": "h"])
    for number in 0..<12 { try client.create(.configMaps, Self.map("m\(number)")) }
    let list = try client.list(.configMaps, ListOptions(namespace: "default"), pageSize: 5)
    #expect(list.items.count == 13)
    #expect(list.items.allSatisfy { $0.kind == "ConfigMap" && $0.apiVersion == "v1" })
    #expect(try client.list(.configMaps, ListOptions(fieldSelector: "metadata.name=m3")).items.map(\.name) == ["m3"])
    #expect(try client.delete(.configMaps, namespace: "default", name: "x", .init(uid: map.uid)))
    #expect(try !client.delete(.configMaps, namespace: "default", name: "x"))
  }

  @Test func identities() throws {
    let serving = try Serving()
    var config = try serving.config()
    config.token = "wrong"
    let wrong = HTTPTransport(config)
    defer { wrong.close() }
    #expect(try wrong.send(APIRequest("GET", "/api/v1/pods")).status == 401)
    config = try serving.config()
    config.certificateAuthority = nil
    let untrusting = HTTPTransport(config)
    defer { untrusting.close() }
    do {
      _ = try untrusting.send(APIRequest("GET", "/api/v1/pods"))
      Issue.record("an unknown authority was trusted")
    } catch let error as TransportError {
      #expect(error.reason == .untrusted, "\(error)")
    }
    config.isVerificationSkipped = true
    let careless = HTTPTransport(config)
    defer { careless.close() }
    #expect(try careless.send(APIRequest("GET", "/api/v1/pods")).status == 200)
  }

  @Test func informerOutlivesTheServer() throws {
    let serving = try Serving()
    let transport = HTTPTransport(try serving.config())
    defer { transport.close() }
    let client = APIClient(transport)
    try client.create(.configMaps, Self.map("before"))
    let cache = ObjectCache(.configMaps)
    let changes = Mutex<[String]>([])
    let count = { changes.withLock { $0.count } }
    cache.observe { old, new in
      let change = "\(old == nil ? "+" : new == nil ? "-" : "~")\((new ?? old)?.name ?? "")"
      changes.withLock { $0.append(change) }
    }
    var options = Informer.Options()
    options.backoff = Backoff(first: 0.02, longest: 0.1)
    cache.start(client, ListOptions(namespace: "default"), options: options)
    #expect(cache.waitUntilSynced(timeout: 30))
    func eventually(_ expected: [String]) {
      for _ in 0..<600 where changes.withLock({ $0 }) != expected { usleep(50_000) }
      #expect(changes.withLock { $0 } == expected)
    }
    eventually(["+before"])
    try client.create(.configMaps, Self.map("during"))
    eventually(["+before", "+during"])
    serving.server.stop()
    // Written while nobody could watch: found when the watch goes on from where it was.
    let local = APIClient(serving.server.transport)
    try local.create(.configMaps, Self.map("missed"))
    try local.delete(.configMaps, namespace: "default", name: "before")
    try serving.serveAgain()
    eventually(["+before", "+during", "+missed", "-before"])
    #expect(Set(cache.all.map(\.name)) == ["during", "missed"])
    #expect(count() == 4)
    cache.stop()
    cache.waitUntilEnded()
  }
}
