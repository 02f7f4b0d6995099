import Glibc
import Kubernetes
import Linux
import Synchronization
import Testing

/// Tokens, authorities and certificates that are replaced while a client runs.
@Suite struct CredentialTests {
  /// A folder as the kubelet keeps a projected volume: files are links through `..data`, which is replaced as a whole.
  final class Volume {
    let folder: String
    private var generation = 0

    init(_ files: [String: String]) throws {
      var template = Array("/tmp/swt-volume-XXXXXX".utf8CString)
      folder = try #require(mkdtemp(&template).map { String(cString: $0) })
      try replace(files)
      for name in files.keys { #expect(symlink("..data/\(name)", "\(folder)/\(name)") == 0) }
    }

    func replace(_ files: [String: String]) throws {
      generation += 1
      try Files.makeDirectories("\(folder)/..\(generation)")
      for (name, text) in files { try Files.write("\(folder)/..\(generation)/\(name)", text) }
      #expect(symlink("..\(generation)", "\(folder)/..data_tmp") == 0)
      #expect(rename("\(folder)/..data_tmp", "\(folder)/..data") == 0)
    }

    deinit { try? Files.removeTree(folder) }
  }

  static let authority = "-----BEGIN CERTIFICATE-----\nno matter over http\n-----END CERTIFICATE-----\n"

  @Test(arguments: [
    ("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443"), ("api", "https://api:443"),
  ])
  func aPodKnowsItsServer(host: String, url: String) throws {
    let volume = try Volume(["token": "t\n", "ca.crt": Self.authority, "namespace": "shop"])
    let config = try KubeConfig.inCluster(host: host, port: 443, folder: volume.folder)
    #expect(config.server == url)
    #expect(config.namespace == "shop")
    #expect(config.certificateAuthority == Array(Self.authority.utf8))
    #expect(config.tokenFile == volume.folder + "/token")
  }

  @Test func aPodWithoutItsVolumeIsToldSo() {
    let error = #expect(throws: KubeConfigError.self) {
      try KubeConfig.inCluster(host: "10.96.0.1", port: 443, folder: "/nonexistent")
    }
    #expect(error?.description.contains("/nonexistent/ca.crt") == true)
  }

  /// A server that accepts one token.
  final class Guarded: Sendable {
    let accepted: Mutex<String>
    let refusals = Mutex(0)
    init(_ token: String) { accepted = Mutex(token) }

    func serve() throws -> TinyServer {
      try TinyServer { [self] request, connection in
        let isAccepted = request.headers.contains("Authorization: Bearer \(accepted.withLock { $0 })")
        if !isAccepted { refusals.withLock { $0 += 1 } }
        TinyServer.write(
          connection, HTTPTransportTests.answer(isAccepted ? "200 OK" : "401 Unauthorized", isAccepted ? "{}" : ""))
        return true
      }
    }
  }

  @Test(arguments: [0, 3600])
  func aTokenThatIsReplacedIsUsedWithoutARestart(interval: Double) throws {
    let guarded = Guarded("one")
    let server = try guarded.serve()
    defer { server.stop() }
    let volume = try Volume(["token": "one\n", "ca.crt": Self.authority])
    var config = try KubeConfig.inCluster(host: "x", port: 1, folder: volume.folder)
    config.server = "http://127.0.0.1:\(server.port)"
    var options = HTTPTransport.Options()
    options.credentialInterval = interval
    let transport = HTTPTransport(config, options: options)
    defer { transport.close() }
    let get = APIRequest("GET", "/api/v1/pods")
    #expect(try transport.send(get).status == 200)
    for token in ["two", "three"] {
      try volume.replace(["token": token + "\n", "ca.crt": Self.authority])
      guarded.accepted.withLock { $0 = token }
      #expect(try transport.send(get).status == 200)
    }
    // Looked at each time, no request was in vain; looked at once an hour, one for each change was, and the caller never
    // saw it.
    #expect(guarded.refusals.withLock { $0 } == (interval == 0 ? 0 : 2))
    // A stream that is refused lets the next one have the new token.
    try volume.replace(["token": "four\n", "ca.crt": Self.authority])
    guarded.accepted.withLock { $0 = "four" }
    let statuses = Mutex<[Int]>([])
    for _ in 0..<2 {
      let ended = Gate()
      _ = transport.stream(get, onData: { _ in }) { result in
        if case .success(let answer) = result { statuses.withLock { $0.append(answer.status) } }
        ended.open()
      }
      #expect(ended.wait(timeout: 20))
    }
    #expect(statuses.withLock { $0 } == (interval == 0 ? [200, 200] : [401, 200]))
    // A file that is empty, or gone, leaves what was known.
    try volume.replace(["token": "", "ca.crt": Self.authority])
    #expect(try transport.send(get).status == 200)
    try volume.replace([:])
    #expect(try transport.send(get).status == 200)
    // Who is really not let in is told so, after one more try at most.
    guarded.accepted.withLock { $0 = "five" }
    #expect(try transport.send(get).status == 401)
  }

  @Test func aKubeconfigThatIsWrittenAnewIsReadAgain() throws {
    let guarded = Guarded("one")
    let server = try guarded.serve()
    defer { server.stop() }
    let volume = try Volume([:])
    let path = volume.folder + "/kubeconfig"
    func write(_ token: String) throws {
      var config = KubeConfig(server: "http://127.0.0.1:\(server.port)")
      config.token = token
      try Files.write(path, config.yaml(name: "x"))
    }
    try write("one")
    let problems = Mutex<[String]>([])
    var options = HTTPTransport.Options()
    options.credentialInterval = 0
    options.onCredentialError = { error in problems.withLock { $0.append("\(error)") } }
    let transport = HTTPTransport(try KubeConfig(file: path), options: options)
    defer { transport.close() }
    let get = APIRequest("GET", "/")
    #expect(try transport.send(get).status == 200)
    try write("two")
    guarded.accepted.withLock { $0 = "two" }
    #expect(try transport.send(get).status == 200)
    #expect(guarded.refusals.withLock { $0 } == 0)
    // One that is broken is told, and what was known is used.
    try Files.write(path, "{")
    #expect(try transport.send(get).status == 200)
    #expect(try transport.send(get).status == 200)
    #expect(problems.withLock { $0 }.count == 1)
    #expect(problems.withLock { $0 }.first?.contains(path) == true)
    try write("three")
    guarded.accepted.withLock { $0 = "three" }
    #expect(try transport.send(get).status == 200)
  }

  @Test func pathsInAKubeconfigBeginAtItsFolder() throws {
    let volume = try Volume(["ca.pem": Self.authority, "c.pem": "c", "k.pem": "k", "token": "t"])
    try Files.write(
      volume.folder + "/kubeconfig",
      """
      current-context: x
      clusters: [{name: x, cluster: {server: "https://h", certificate-authority: ca.pem}}]
      users: [{name: x, user: {client-certificate: c.pem, client-key: \(volume.folder)/k.pem, tokenFile: token}}]
      contexts: [{name: x, context: {cluster: x, user: x}}]
      """)
    let config = try KubeConfig(file: volume.folder + "/kubeconfig")
    #expect(config.certificateAuthority == Array(Self.authority.utf8))
    #expect(config.clientCertificate == Array("c".utf8) && config.clientKey == Array("k".utf8))
    #expect(config.tokenFile == volume.folder + "/token")
    #expect(
      Set(config.files.keys) == Set(["kubeconfig", "ca.pem", "c.pem", "k.pem"].map { "\(volume.folder)/\($0)" }))
  }
}
