import Addressing
import ClusterModel
import Glibc
import Linux
import Synchronization
import Testing

@testable import HTTPRouting

/// A live HAProxy on the loopback, asked by curl and openssl.
@Suite(.serialized) struct HAProxyTests {
  let directory = Directory()
  let http: AddressAndPort
  let https: AddressAndPort
  let reports = Reports()

  final class Reports: Sendable {
    let lines = Mutex<[String]>([])
  }

  init() throws {
    http = try freePort()
    https = try freePort()
  }

  func controller(_ change: (inout HAProxyController.Configuration) -> Void = { _ in }) throws -> HAProxyController {
    var configuration = HAProxyController.Configuration(
      directory: "\(directory.path)/haproxy", http: [http], https: [https])
    change(&configuration)
    return try HAProxyController(configuration) { [reports] line in reports.lines.withLock { $0.append(line) } }
  }

  /// The name a TLS client sees in the certificate for a server name.
  func certificateName(_ serverName: String) -> String {
    let command =
      "openssl s_client -connect \(https) -servername \(serverName) </dev/null 2>/dev/null | openssl x509 -noout -subject"
    return run("sh", "-c", command).split(separator: "=").last.map { $0.trimmed } ?? ""
  }

  /// HAProxy routes every request of the table as the compiled routes say.
  @Test func everyRequestGoesWhereTheRoutesSay() throws {
    let controller = try controller()
    defer { controller.stop() }
    var servers: [String: WebServer] = [:]
    for name in Set(Samples.requests.compactMap(\.service)) { servers[name] = try WebServer(name) }
    defer { for server in servers.values { server.stop() } }
    let routes = Samples.compile(
      [Samples.conformance], services: servers.map { Samples.service($0.key, $0.value.address) })
    #expect(try controller.apply(routes) == .started)
    for (host, path, service) in Samples.requests {
      let answer = get(http, host: host, path: path)
      #expect(answer.status == (service == nil ? 404 : 200), "\(host)\(path)")
      if let service { #expect(answer.body.hasPrefix(service + "\n"), "\(host)\(path)") }
    }
    // With a port, with a final dot, and without a Host header.
    #expect(get(http, host: "foo.bar.com:8080").status == 200)
    #expect(get(http, host: "foo.bar.com.").status == 200)
    #expect(get(http, host: "", path: "/", ["--http1.0"]).status == 404)
    let seen = get(http, host: "foo.bar.com", path: "/", ["-H", "X-Forwarded-For: 203.0.113.9"]).body.lowercased()
    #expect(seen.contains("host: foo.bar.com\r\n"))
    #expect(seen.contains("x-forwarded-for: 127.0.0.1\r\n") && !seen.contains("203.0.113.9"))
    #expect(seen.contains("x-forwarded-proto: http\r\n"))
    #expect(try controller.apply(routes) == .unchanged)
  }

  @Test func endpointsChangeWithoutANewProcess() throws {
    let controller = try controller()
    defer { controller.stop() }
    let servers = try (0..<5).map { try WebServer("web-\($0)") }
    defer { for server in servers { server.stop() } }
    let ingress = Samples.ingress("x", ("x.test", [("/", .prefix, "web")]))
    func service(_ range: Range<Int>) -> ServiceWithEndpoints { Samples.service("web", servers[range].map(\.address)) }
    func apply(_ range: Range<Int>) throws -> HAProxyController.Outcome {
      try controller.apply(Samples.compile([ingress], services: [service(range)]))
    }
    func answering() -> Set<String> {
      Set((0..<12).compactMap { _ in get(http, host: "x.test").body.split(separator: "\n").first.map(String.init) })
    }
    #expect(try apply(0..<0) == .started)
    let worker = controller.workerID
    #expect(get(http, host: "x.test").status == 503)
    #expect(try apply(0..<2) == .changed(commands: 4))
    #expect(answering() == ["web-0", "web-1"])
    #expect(try apply(1..<4) == .changed(commands: 5))
    #expect(answering() == ["web-1", "web-2", "web-3"])
    // One Service alone, and what it left in maintenance is used again.
    #expect(try controller.update(service: service(4..<5)) == .changed(commands: 5))
    #expect(answering() == ["web-4"])
    #expect(try controller.update(service: service(4..<5)) == .unchanged)
    #expect(try apply(0..<0) == .changed(commands: 1))
    #expect(get(http, host: "x.test").status == 503)
    #expect(try apply(0..<5) != .reloaded)
    #expect(answering() == Set(servers.map(\.name)))
    #expect(controller.workerID == worker)
  }

  @Test func routesChangeByCommandsAndNewBackendsByReload() throws {
    let controller = try controller()
    defer { controller.stop() }
    let one = try WebServer("one")
    let two = try WebServer("two")
    defer {
      one.stop()
      two.stop()
    }
    let services = [Samples.service("one", one.address), Samples.service("two", two.address)]
    func apply(_ rules: (String?, [(String, Ingress.PathType, String)])) throws -> HAProxyController.Outcome {
      try controller.apply(Samples.compile([Samples.ingress("x", rules)], services: services))
    }
    #expect(try apply(("x.test", [("/a", .prefix, "one")])) == .started)
    let master = controller.processID
    // A transfer that runs through the reload is not cut: see the next test. Here the process is replaced.
    #expect(try apply(("x.test", [("/a", .prefix, "one"), ("/b", .exact, "two")])) == .reloaded)
    #expect(controller.processID == master)
    #expect(get(http, host: "x.test", path: "/b").body.hasPrefix("two"))
    let worker = controller.workerID
    #expect(try apply(("x.test", [("/a", .prefix, "two"), ("/c;\"\\", .exact, "one")])) != .reloaded)
    #expect(get(http, host: "x.test", path: "/a").body.hasPrefix("two"))
    #expect(get(http, host: "x.test", path: "/b").status == 404)
    #expect(get(http, host: "x.test", path: "/c;\"\\").body.hasPrefix("one"))
    #expect(try apply(("y.test", [("/", .prefix, "one")])) != .reloaded)
    #expect(get(http, host: "x.test", path: "/a").status == 404)
    #expect(get(http, host: "y.test", path: "/a").body.hasPrefix("one"))
    #expect(try apply(("y.test", [("/", .prefix, "missing")])) != .reloaded)
    #expect(get(http, host: "y.test", path: "/a").status == 503)
    #expect(controller.workerID == worker)
  }

  /// Requests through many reloads: none fails.
  @Test func reloadsLoseNothing() throws {
    let controller = try controller()
    defer { controller.stop() }
    let server = try WebServer("steady")
    defer { server.stop() }
    let steady = Samples.ingress("steady", ("x.test", [("/", .prefix, "steady")]))
    var services = [Samples.service("steady", server.address)]
    try controller.apply(Samples.compile([steady], services: services))
    let failures = Atomic(0)
    let count = Atomic(0)
    let isDone = Atomic(false)
    let client = Linux.Thread("client") { [http] in
      while !isDone.load(ordering: .relaxed) {
        if get(http, host: "x.test").status != 200 { failures.add(1, ordering: .relaxed) }
        count.add(1, ordering: .relaxed)
      }
    }
    for number in 0..<5 {
      services.append(Samples.service("new-\(number)", server.address))
      let more = Samples.ingress("more-\(number)", ("n\(number).test", [("/", .prefix, "new-\(number)")]))
      #expect(try controller.apply(Samples.compile([steady, more], services: services)) == .reloaded)
    }
    isDone.store(true, ordering: .relaxed)
    client.join()
    #expect(failures.load(ordering: .relaxed) == 0)
    #expect(count.load(ordering: .relaxed) > 5)
  }

  @Test func serverNameChoosesTheCertificate() throws {
    let controller = try controller()
    defer { controller.stop() }
    let server = try WebServer("web")
    defer { server.stop() }
    let services = [Samples.service("web", server.address)]
    let one = try makeCertificate(NamespacedName("default", "one"), "one.test")
    let wild = try makeCertificate(NamespacedName("default", "wild"), "wild.test", "*.wild.test")
    let renewed = try makeCertificate(NamespacedName("default", "one"), "renewed.test")
    let broken = Certificate(id: NamespacedName("default", "broken"), chain: one.chain, key: wild.key)
    func apply(_ certificates: [Certificate], _ tls: [Ingress.TLS]) throws -> HAProxyController.Outcome {
      let ingress = Samples.ingress("x", tls: tls, (nil, [("/", .prefix, "web")]))
      return try controller.apply(Samples.compile([ingress], certificates: certificates, services: services))
    }
    #expect(try apply([], []) == .started)
    let worker = controller.workerID
    // No certificate, no handshake.
    #expect(certificateName("one.test") == "")
    let tls = [
      Ingress.TLS(hosts: ["one.test"], secret: "one"), .init(hosts: ["wild.test", "*.wild.test"], secret: "wild"),
    ]
    #expect(try apply([one, wild], tls) != .reloaded)
    #expect(certificateName("one.test") == "one.test")
    #expect(certificateName("wild.test") == "wild.test")
    #expect(certificateName("a.wild.test") == "wild.test")
    #expect(certificateName("a.b.wild.test") == "")
    #expect(certificateName("other.test") == "")
    let answer = run(
      "curl", "-sk", "--max-time", "10", "--connect-to", "one.test:443:127.0.0.1:\(https.port)", "-w",
      "%{http_version}",
      "https://one.test/")
    #expect(answer.lowercased().contains("x-forwarded-proto: https") && answer.hasSuffix("2"), "\(answer)")
    // A renewed certificate, another list of names, a broken one beside it, and one that goes.
    #expect(try apply([renewed, wild], tls) != .reloaded)
    #expect(certificateName("one.test") == "renewed.test")
    #expect(
      try apply(
        [renewed, wild, broken],
        [.init(hosts: ["two.test"], secret: "one"), .init(hosts: ["b.test"], secret: "broken")])
        != .reloaded)
    #expect(certificateName("two.test") == "renewed.test")
    #expect(certificateName("one.test") == "")
    #expect(certificateName("wild.test") == "")
    #expect(certificateName("b.test") == "")
    #expect(reports.lines.withLock { $0.contains { $0.contains("broken.pem is left out") } })
    #expect(controller.workerID == worker)
    // A reload keeps them.
    let ingress = Samples.ingress("x", tls: tls, (nil, [("/", .prefix, "more")]))
    #expect(
      try controller.apply(
        Samples.compile([ingress], certificates: [one, wild], services: [Samples.service("more", server.address)]))
        == .reloaded)
    #expect(certificateName("one.test") == "one.test" && certificateName("x.wild.test") == "wild.test")
  }

  @Test func aDefaultCertificateAnswersOtherNames() throws {
    let certificate = try makeCertificate(NamespacedName("x", "x"), "default.test")
    let controller = try controller { $0.defaultCertificate = certificate.chain + certificate.key }
    defer { controller.stop() }
    let one = try makeCertificate(NamespacedName("default", "one"), "one.test")
    let tls = [Ingress.TLS(hosts: ["one.test"], secret: "one")]
    let routes = Samples.compile([Samples.ingress("x", tls: tls, (nil, [("/", .prefix, "x")]))], certificates: [one])
    try controller.apply(routes)
    #expect(certificateName("one.test") == "one.test")
    #expect(certificateName("other.test") == "default.test")
  }

  @Test func adoptsARunningProcess() throws {
    let server = try WebServer("web")
    defer { server.stop() }
    let services = [Samples.service("web", server.address)]
    let routes = Samples.compile([Samples.ingress("x", ("x.test", [("/", .prefix, "web")]))], services: services)
    let first = try controller()
    #expect(try first.apply(routes) == .started)
    let master = try #require(first.processID)
    let worker = first.workerID
    first.detach()
    // Somebody changed it meanwhile.
    _ = try first.runtime.send("set server default_web_80/s1 state maint")
    #expect(get(http, host: "x.test").status == 503)
    let second = try controller()
    defer { second.stop() }
    #expect(second.processID == master)
    #expect(try second.apply(routes) == .changed(commands: 1))
    #expect(get(http, host: "x.test").status == 200)
    #expect(second.workerID == worker)
  }

  @Test func startsAgainWhatDied() throws {
    let controller = try controller()
    let server = try WebServer("web")
    defer { server.stop() }
    let services = [Samples.service("web", server.address)]
    try controller.apply(
      Samples.compile([Samples.ingress("x", ("x.test", [("/", .prefix, "web")]))], services: services))
    let master = try #require(controller.processID)
    kill(master, SIGKILL)
    var status = 0
    for _ in 0..<200 where status != 200 || controller.processID == master {
      status = get(http, host: "x.test").status
      usleep(50_000)
    }
    #expect(status == 200)
    #expect(controller.processID != master)
    let last = try #require(controller.processID)
    controller.stop()
    #expect(ProcessIdentity(pid: last) == nil)
    #expect(!Files.exists("\(directory.path)/haproxy"))
  }

  @Test func aConfigurationThatIsRefusedSaysWhy() throws {
    let controller = try controller { $0.user = "nosuchuser" }
    defer { controller.stop() }
    let error = #expect(throws: HAProxyController.Failure.self) { try controller.apply(Samples.compile([])) }
    #expect("\(try #require(error))".contains("nosuchuser"))
    #expect(controller.processID == nil)
  }
}
