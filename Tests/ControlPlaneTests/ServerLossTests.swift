import Addressing
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

@testable import ControlPlane

/// What a client of a real cluster lives through, played by our server: watches that expire, a server that restarts, other
/// certificates.
@Suite("Server loss", .serialized)
struct ServerLossTests {
  /// The way to a server whose streams can be broken, and kept from coming back.
  final class Breakable: APITransport {
    private struct State {
      var isBroken = false
      var streams: [any APIStream] = []
      var ends: [@Sendable () -> Void] = []
    }
    private let inner: any APITransport
    private let state = Mutex(State())
    let targets = Mutex<[String]>([])

    init(_ inner: any APITransport) { self.inner = inner }

    func set(isBroken: Bool) {
      let ends = state.withLock { state in
        state.isBroken = isBroken
        defer { state.ends = [] }
        return isBroken ? state.ends : []
      }
      for end in ends { end() }
    }

    func send(_ request: APIRequest) throws -> APIResponse {
      if state.withLock({ $0.isBroken }) { throw TransportError(.unreachable, "broken") }
      targets.withLock { $0.append(request.target) }
      return try inner.send(request)
    }

    func stream(
      _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
      onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
    ) -> any APIStream {
      let isOver = Atomic(false)
      let end: @Sendable (Result<APIResponse, any Error>) -> Void = { result in
        if !isOver.exchange(true, ordering: .acquiringAndReleasing) { onEnd(result) }
      }
      if state.withLock({ $0.isBroken }) {
        _ = Thread("broken") { end(.failure(TransportError(.unreachable, "broken"))) }
        return Nothing()
      }
      targets.withLock { $0.append(request.target) }
      let stream = inner.stream(
        request, onData: { if !isOver.load(ordering: .acquiring) { onData($0) } }, onEnd: end)
      let cut: @Sendable () -> Void = {
        end(.failure(TransportError(.interrupted, "broken")))
        stream.cancel()
      }
      // It may have been broken since the stream was asked for.
      let isBroken = state.withLock { state in
        if !state.isBroken { state.ends.append(cut) }
        return state.isBroken
      }
      if isBroken { cut() }
      return stream
    }

    private final class Nothing: APIStream { func cancel() {} }
  }

  static func options() -> Informer.Options {
    var options = Informer.Options()
    options.backoff = Backoff(first: 0.05, longest: 0.2)
    return options
  }

  static func until(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<600 {
      if try condition() { return true }
      usleep(50_000)
    }
    return false
  }

  @Test func noDeletionIsLostWhenAWatchExpires() throws {
    let api = try APIFixture { configuration, _ in configuration.historyLimit = StoreHistoryLimit(changes: 16) }
    for number in 0..<20 { try api.create(APIFixture.configMaps, ["metadata": ["name": .string("c\(number)")]]) }
    let way = Breakable(api.server.transport)
    let cache = ObjectCache(.configMaps)
    let gone = Mutex<Set<String>>([])
    let changed = Mutex<Set<String>>([])
    cache.observe { old, new in
      if new == nil, let old { _ = gone.withLock { $0.insert(old.name) } }
      if old != nil, let new { _ = changed.withLock { $0.insert(new.name) } }
    }
    cache.start(APIClient(way), ListOptions(namespace: "default"), options: Self.options())
    defer { cache.stop() }
    #expect(cache.waitUntilSynced(timeout: 20))
    let before = cache.all.count
    way.set(isBroken: true)
    way.targets.withLock { $0 = [] }
    for number in 0..<10 { #expect(try api.send("DELETE", "\(APIFixture.configMaps)/c\(number)").status == 200) }
    // One is deleted and made again: another object of the same name.
    #expect(try api.send("DELETE", "\(APIFixture.configMaps)/c10").status == 200)
    try api.create(APIFixture.configMaps, ["metadata": ["name": "c10"], "data": ["a": "new"]])
    // More changes than the server remembers.
    for number in 0..<40 {
      let patch: JSON = ["data": ["n": .string("\(number)")]]
      #expect(
        try api.send("PATCH", APIFixture.configMaps + "/c19", patch, type: "application/merge-patch+json").status == 200
      )
    }
    way.set(isBroken: false)
    #expect(Self.until { gone.withLock { $0.count } >= 10 && cache.get("default", "c10")?.json["data", "a"] == "new" })
    #expect(gone.withLock { $0 } == Set((0..<10).map { "c\($0)" }))
    #expect(changed.withLock { $0 } == ["c10", "c19"])
    #expect(cache.all.count == before - 10)
    #expect(cache.get("default", "c19")?.json["data", "n"] == "39")
    // The first request resumes, and is told that it cannot; the list asks for the newest, not for any version.
    let targets = way.targets.withLock { $0 }
    #expect(targets.first?.contains("watch=true") == true)
    let list = try #require(targets.first { !$0.contains("watch=true") })
    #expect(!list.contains("resourceVersion=0"))
  }

  @Test func aServerThatRestartsFindsItsWatchersWhereTheyWere() throws {
    let first = try ServingFixture()
    let config = try KubeConfig(file: first.kubeconfig)
    let transport = HTTPTransport(config)
    defer { transport.close() }
    let cache = ObjectCache(.configMaps)
    let events = Mutex<[String]>([])
    cache.observe { old, new in
      events.withLock { $0.append("\(old == nil ? "+" : new == nil ? "-" : "~")\((new ?? old)!.name)") }
    }
    cache.start(APIClient(transport), ListOptions(namespace: "default"), options: Self.options())
    defer { cache.stop() }
    #expect(cache.waitUntilSynced(timeout: 20))
    let before = cache.all.map(\.name)
    events.withLock { $0 = [] }
    first.api.server.stop()
    // While the server is away nothing is forgotten.
    usleep(500_000)
    #expect(cache.all.map(\.name).sorted() == before.sorted())
    // It changes meanwhile, as one with several replicas does.
    try first.api.create(APIFixture.configMaps, ["metadata": ["name": "during"]])
    #expect(
      try first.api.server.start([.address(IPAddress("127.0.0.1")!, port: first.port)]) == [first.port])
    #expect(Self.until { cache.get("default", "during") != nil })
    #expect(events.withLock { $0 } == ["+during"])
  }

  /// One of an agent's watches gets through again: the others follow, however long their pauses are.
  @Test func whoGetsThroughFirstWakesTheOthers() throws {
    let fixture = try ServingFixture()
    let transport = HTTPTransport(try KubeConfig(file: fixture.kubeconfig))
    defer { transport.close() }
    var options = Informer.Options()
    options.backoff = Backoff(first: 600, longest: 600)
    options.backoff.longestUnheard = 600
    let caches = [ObjectCache(.configMaps), ObjectCache(.services), ObjectCache(.namespaces)]
    for cache in caches {
      cache.start(APIClient(transport), options: options)
      #expect(cache.waitUntilSynced(timeout: 20))
    }
    defer { for cache in caches { cache.stop() } }
    #expect(Self.until { caches.allSatisfy { fixture.api.server.store.followers($0.type.plural) > 0 } })
    fixture.api.server.stop()
    // Everybody has noticed, and somebody has tried in vain.
    #expect(Self.until { caches.allSatisfy { fixture.api.server.store.followers($0.type.plural) == 0 } })
    usleep(300_000)
    #expect(throws: TransportError.self) { try transport.send(APIRequest("GET", "/readyz")) }
    try fixture.api.server.start([.address(IPAddress("127.0.0.1")!, port: fixture.port)])
    #expect(try transport.send(APIRequest("GET", "/readyz")).status == 200)
    #expect(Self.until { caches.allSatisfy { fixture.api.server.store.followers($0.type.plural) > 0 } })
  }

  /// The authority of the API server is replaced, as `kubeadm` and cloud providers do now and then: a pod's `ca.crt` changes
  /// and so does the server's certificate.
  @Test func anAuthorityThatIsReplacedNeedsNoRestart() throws {
    let old = try ServingFixture()
    let new = try ServingFixture()
    let folder = old.api.folder + "/volume"
    try Files.makeDirectories(folder)
    func publish(_ fixture: ServingFixture) throws {
      let config = try KubeConfig(file: fixture.kubeconfig)
      try Files.write(folder + "/token", try #require(config.token))
      try Files.write(folder + "/ca.crt", try #require(config.certificateAuthority))
    }
    try publish(old)
    let config = try KubeConfig.inCluster(host: "127.0.0.1", port: old.port, folder: folder)
    var options = HTTPTransport.Options()
    options.credentialInterval = 0
    let transport = HTTPTransport(config, options: options)
    defer { transport.close() }
    let get = APIRequest("GET", "/api/v1/namespaces")
    #expect(try transport.send(get).status == 200)
    // The same address and port, with other certificates and tokens.
    old.api.server.stop()
    new.api.server.stop()
    try new.api.server.start([.address(IPAddress("127.0.0.1")!, port: old.port)])
    let error = #expect(throws: TransportError.self) { try transport.send(get) }
    #expect(error?.reason == .untrusted)
    try publish(new)
    #expect(try transport.send(get).status == 200)
  }

  /// A client certificate is replaced; who the client is, an independent server tells.
  @Test func aClientCertificateThatIsRenewedIsShown() throws {
    let api = try APIFixture()
    let folder = api.folder
    func openssl(_ arguments: String...) throws {
      let result = try ChildProcess.run(["/usr/bin/openssl"] + arguments, timeout: 60)
      try #require(result.status.isSuccess, "\(result.errorOutput)")
    }
    func certificate(_ name: String, to file: String) throws {
      try openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
        "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "\(folder)/\(file).key", "-out",
        "\(folder)/\(file).crt")
    }
    try certificate("server", to: "server")
    try certificate("client-one", to: "client")
    let free = try ServingFixture()
    free.api.server.stop()
    let server = try ChildProcess(
      [
        "/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:\(free.port)", "-www", "-verify", "1", "-cert",
        "\(folder)/server.crt", "-key", "\(folder)/server.key",
      ], standardOutput: .null, standardError: .null)
    defer { server.stop(grace: 0) }
    try Files.write(
      folder + "/kc",
      """
      current-context: x
      clusters: [{name: x, cluster: {server: "https://127.0.0.1:\(free.port)", certificate-authority: server.crt}}]
      users: [{name: x, user: {client-certificate: client.crt, client-key: client.key}}]
      contexts: [{name: x, context: {cluster: x, user: x}}]
      """)
    var options = HTTPTransport.Options()
    options.credentialInterval = 0
    let transport = HTTPTransport(try KubeConfig(file: folder + "/kc"), options: options)
    defer { transport.close() }
    func subject() -> String {
      for _ in 0..<100 {
        if let answer = try? transport.send(APIRequest("GET", "/")) {
          return String(decoding: answer.body, as: UTF8.self)
        }
        usleep(50_000)
      }
      return ""
    }
    #expect(subject().contains("client-one"))
    try certificate("client-two", to: "client")
    #expect(subject().contains("client-two"))
  }

  /// The server's own certificate is about to expire: a new one is shown to those who connect, and who is connected stays.
  @Test func aServersCertificateIsRenewedWithoutARestart() throws {
    let api = try APIFixture { configuration, folder in configuration.pkiPath = folder + "/pki" }
    let folder = api.folder + "/pki"
    let port = try api.server.start([.address(IPAddress("127.0.0.1")!, port: 0)], renewalInterval: 0.2)[0]
    defer { api.server.stop() }
    let config = try KubeConfig(
      Array(try #require(api.server.kubeconfig(server: "https://127.0.0.1:\(port)")).utf8), file: "x")
    let transport = HTTPTransport(config)
    defer { transport.close() }
    func serial() throws -> String {
      let result = try ChildProcess.run(
        [
          "/bin/sh", "-c",
          "openssl s_client -connect 127.0.0.1:\(port) -CAfile \(folder)/ca.crt -verify_return_error </dev/null 2>/dev/null"
            + " | openssl x509 -noout -serial",
        ], timeout: 30)
      return result.output
    }
    let seen = Mutex<[UInt8]>([])
    let hasEnded = Gate()
    let watch = transport.stream(
      APIRequest("GET", APIFixture.configMaps + "?watch=1"), onData: { bytes in seen.withLock { $0 += bytes } },
      onEnd: { _ in hasEnded.open() })
    defer { watch.cancel() }
    let first = try serial()
    #expect(first.hasPrefix("serial="))
    // Every round the certificate in the folder is one that expires within a month, or somebody else's of our authority.
    for days in [5, 90] {
      let before = try serial()
      let root = try #require(
        Certificate.read(
          TLSIdentity(
            certificate: try Files.readText(folder + "/ca.crt"), key: try Files.readText(folder + "/ca.key"))))
      let other = try Certificate(
        commonName: "other", purpose: .server(names: APIServer.serverNames(api.server.configuration)), days: days,
        issuer: root)
      try Files.write(folder + "/server.key", other.identity.key)
      try Files.write(folder + "/server.crt", other.identity.certificate)
      #expect(try Self.until { try serial() != before })
      let isOthers = try Files.readText(folder + "/server.crt") == other.identity.certificate
      #expect(isOthers == (days == 90))
    }
    // Nobody was thrown out: the watch goes on, on the connection it began with; new requests find the server.
    try api.create(APIFixture.configMaps, ["metadata": ["name": "needle"]])
    #expect(Self.until { seen.withLock { String(decoding: $0, as: UTF8.self).contains("needle") } })
    #expect(!hasEnded.isOpen)
    #expect(try HTTPTransport(config).send(APIRequest("GET", "/api/v1/namespaces")).status == 200)
    // A folder that cannot be read changes nothing.
    try Files.write(folder + "/server.crt", "broken")
    usleep(600_000)
    #expect(try HTTPTransport(config).send(APIRequest("GET", "/api/v1/namespaces")).status == 200)
  }
}
