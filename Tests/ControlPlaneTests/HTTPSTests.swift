import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

@Suite("HTTPS", .serialized)
struct HTTPSTests {
  let server: ServingFixture
  let transport: HTTPTransport

  init() throws {
    server = try ServingFixture()
    transport = HTTPTransport(try KubeConfig(file: server.kubeconfig))
  }

  @Test func strangersSeeHealthAndVersionOnly() throws {
    var config = try KubeConfig(file: server.kubeconfig)
    config.token = nil
    let stranger = HTTPTransport(config)
    for path in ["/version", "/version/", "/healthz", "/livez", "/readyz"] {
      #expect(try stranger.send(APIRequest("GET", path)).status == 200, "\(path)")
    }
    for path in ["/api", "/api/v1/pods", "/openapi/v3"] {
      #expect(try stranger.send(APIRequest("GET", path)).status == 401, "\(path)")
    }
    config.token = "wrong"
    let response = try HTTPTransport(config).send(APIRequest("GET", "/api/v1/pods"))
    #expect(try JSON(parsing: response.body)["reason"] == "Unauthorized")
  }

  @Test func aClientWithAnotherAuthorityRefusesUs() throws {
    let other = try ServingFixture()
    var config = try KubeConfig(file: server.kubeconfig)
    config.certificateAuthority = Array(try #require(other.api.server.pki).authority.utf8)
    #expect(throws: (any Error).self) { try HTTPTransport(config).send(APIRequest("GET", "/version")) }
  }

  @Test func largeBodiesArriveWholeAndTooLargeOnesAreRefused() throws {
    let text = String(repeating: "0123456789", count: 90_000)
    let object: JSON = ["metadata": ["name": "big"], "data": ["a": .string(text)]]
    let headers = ["content-type": "application/json"]
    let created = try transport.send(
      APIRequest("POST", APIFixture.configMaps, headers: headers, body: object.bytes()))
    #expect(created.status == 201)
    let read = try transport.send(APIRequest("GET", APIFixture.configMaps + "/big"))
    #expect(try JSON(parsing: read.body)["data", "a"].string == text)
    let huge = [UInt8](repeating: 0x20, count: 4 << 20)
    #expect(
      try transport.send(APIRequest("POST", APIFixture.configMaps, headers: headers, body: huge)).status == 413)
  }

  @Test func aHundredWatchesAllSeeAChange() throws {
    let seen = Mutex<Set<Int>>([])
    let ended = Mutex(0)
    let streams = (0..<100).map { number in
      transport.stream(
        APIRequest("GET", "\(APIFixture.configMaps)?watch=1"),
        onData: { bytes in
          if String(decoding: bytes, as: UTF8.self).contains("needle") { _ = seen.withLock { $0.insert(number) } }
        },
        onEnd: { _ in ended.withLock { $0 += 1 } })
    }
    try server.api.create(APIFixture.configMaps, ["metadata": ["name": "needle"]])
    for _ in 0..<300 where seen.withLock({ $0.count }) < 100 { usleep(100_000) }
    #expect(seen.withLock { $0.count } == 100)
    // Half the clients go, then the server does: no watch may stay behind.
    for stream in streams[..<50] { stream.cancel() }
    server.api.server.stop()
    for _ in 0..<300 where ended.withLock({ $0 }) < 100 { usleep(100_000) }
    #expect(ended.withLock { $0 } == 100)
  }

  @Test func certificatesAndTokensStayAcrossRestarts() throws {
    let folder = server.api.folder + "/pki"
    let first = try PKI(folder: folder, serverNames: ["localhost"])
    let second = try PKI(folder: folder, serverNames: ["localhost"])
    #expect(first.authority == second.authority)
    #expect(first.tokens.adminToken == second.tokens.adminToken)
    var status = stat()
    #expect(stat(folder + "/ca.key", &status) == 0 && status.st_mode & 0o777 == 0o600)
    let before = try Files.readText(folder + "/server.crt")
    _ = try PKI(folder: folder, serverNames: ["localhost", "192.0.2.7"])
    #expect(try Files.readText(folder + "/server.crt") != before)
  }

  @Test func aTokenIsKnownFromWhenItIsWrittenToWhenItIsTakenAway() throws {
    let path = server.api.folder + "/more.csv"
    let first = "t1,admin,1,\"system:masters\"\n"
    try Files.write(path, first)
    let tokens = try TokenRegistry(path: path)
    #expect(tokens.user(authorization: "Bearer t2") == nil)
    try Files.write(path, first + "t2,system:node:n,2,\"system:nodes\"\n")
    #expect(tokens.user(authorization: "Bearer t2")?.name == "system:node:n")
    // A file that is no token file any more changes nothing.
    try Files.write(path, "t2\n")
    #expect(tokens.user(authorization: "Bearer t2")?.name == "system:node:n")
    try Files.write(path, first)
    #expect(tokens.user(authorization: "Bearer t2") == nil)
    #expect(tokens.user(authorization: "Bearer t1")?.name == "admin")
  }
}
