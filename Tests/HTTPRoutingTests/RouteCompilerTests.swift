import Addressing
import ClusterModel
import Testing

@testable import HTTPRouting

@Suite struct RouteCompilerTests {
  /// Names that a running HAProxy has from somebody else must not end the numbering of ours.
  @Test func serverNamesOfOthersDoNotCount() throws {
    let endpoint = AddressAndPort(try #require(IPAddress("10.0.0.1")), 80)
    let found = RuntimeState.Server(name: "s9223372036854775807", endpoint: nil, isEnabled: true)
    let commands = HAProxyController.serverCommands("b", wanted: [endpoint], found: [found])
    #expect(commands.contains("enable server b/s1"))
    #expect(commands.contains("set server b/s9223372036854775807 state maint"))
  }

  @Test(arguments: Samples.requests.indices) func precedence(_ index: Int) {
    let (host, path, service) = Samples.requests[index]
    let routes = Samples.compile([Samples.conformance])
    // A query is no part of the path.
    let route = routes.route(host: host, path: String(path.prefix { $0 != "?" }))
    let expected = service.map {
      HTTPRoutes.Target.backend(HTTPRoutes.BackendID(service: NamespacedName("default", $0), port: 80))
    }
    #expect(route?.target == expected, "\(host)\(path)")
  }

  @Test func theOlderIngressKeepsAPath() {
    let new = Samples.ingress("a-new", created: "2026-02-01T00:00:00Z", ("x.test", [("/a", .prefix, "new")]))
    let old = Samples.ingress("z-old", created: "2026-01-01T00:00:00Z", ("x.test", [("/a/", .prefix, "old")]))
    let same = Samples.ingress("b-same", created: "2026-02-01T00:00:00Z", ("x.test", [("/a", .exact, "exact")]))
    for order in [[new, old, same], [same, old, new]] {
      let routes = Samples.compile(order)
      #expect(routes.route(host: "x.test", path: "/a/b")?.ingress.name == "z-old")
      #expect(routes.route(host: "x.test", path: "/a")?.ingress.name == "b-same")
      #expect(
        routes.problems.map(\.description) == [
          "Ingress default/a-new: path /a of host x.test: default/z-old is older and has it"
        ])
    }
    // Of the same age the name decides.
    let first = Samples.ingress("a", ("x.test", [("/", .prefix, "a")]))
    let second = Samples.ingress("b", ("x.test", [("/", .prefix, "b")]))
    #expect(Samples.compile([second, first]).route(host: "x.test", path: "/")?.ingress.name == "a")
  }

  @Test func defaultBackends() {
    let routes = Samples.compile([
      Samples.ingress("rules", ("x.test", [("/a", .prefix, "a")])),
      Samples.ingress("late", created: "2026-03-01T00:00:00Z", defaultBackend: "late"),
      Samples.ingress("early", created: "2026-02-01T00:00:00Z", defaultBackend: "early"),
    ])
    #expect(routes.route(host: "x.test", path: "/b")?.ingress.name == "early")
    #expect(routes.route(host: "y.test", path: "/")?.ingress.name == "early")
    #expect(routes.problems.count == 1)
  }

  @Test func rulesWithoutHostAreForEveryOtherHost() {
    let routes = Samples.compile([
      Samples.ingress("all", (nil, [("/", .prefix, "all")]), ("x.test", [("/x", .prefix, "x")]))
    ])
    #expect(routes.route(host: "y.test", path: "/x")?.target == routes.hosts[.any]?.first?.target)
    #expect(routes.route(host: "", path: "/") != nil)
    // The host is matched before the path.
    #expect(routes.route(host: "x.test", path: "/y") == nil)
  }

  @Test(
    arguments: [
      ("swiftlet", true), ("internal", true), ("nginx", false), ("missing", false), (nil, false),
    ] as [(String?, Bool)]) func classes(_ className: String?, _ isOurs: Bool)
  {
    let classes = [
      IngressClass(name: "swiftlet", controller: RouteCompiler.controller),
      IngressClass(name: "internal", controller: RouteCompiler.controller),
      IngressClass(name: "nginx", controller: "k8s.io/ingress-nginx"),
    ]
    let ingress = Samples.ingress("x", className: className, ("x.test", [("/", .prefix, "x")]))
    #expect(Samples.compile([ingress], classes: classes).ingresses.isEmpty == !isOurs)
  }

  @Test func defaultClasses() {
    let foreign = IngressClass(name: "nginx", controller: "k8s.io/ingress-nginx", isDefault: true)
    let ours = IngressClass(name: "other", controller: RouteCompiler.controller, isDefault: true)
    #expect(!RouteCompiler.isOurs(nil, []))
    #expect(!RouteCompiler.isOurs(nil, [foreign]))
    #expect(RouteCompiler.isOurs(nil, [ours]))
    #expect(!RouteCompiler.isOurs(nil, [ours, foreign]))
    // The legacy annotation needs no IngressClass object; an object of another controller takes the name away.
    #expect(RouteCompiler.isOurs("swiftlet", []))
    #expect(!RouteCompiler.isOurs("swiftlet", [IngressClass(name: "swiftlet", controller: "example.com/x")]))
  }

  @Test func backends() {
    var named = Samples.ingress("named", ("n.test", [("/", .prefix, "web")]))
    named.rules[0].paths[0].backend.port = .name("http")
    var wrong = Samples.ingress("wrong", ("w.test", [("/", .prefix, "web")]))
    wrong.rules[0].paths[0].backend.port = .number(81)
    let missing = Samples.ingress("missing", ("m.test", [("/", .prefix, "nowhere")]))
    var web = Samples.service(
      "web", AddressAndPort(IPAddress("10.0.0.2")!, 8080), AddressAndPort(IPAddress("10.0.0.1")!, 8080),
      AddressAndPort(IPAddress("fd00::1")!, 8080))
    web.slices[0].endpoints[0].isReady = false
    let routes = Samples.compile([named, wrong, missing], services: [web])
    let id = HTTPRoutes.BackendID(service: NamespacedName("default", "web"), port: 80)
    #expect(routes.route(host: "n.test", path: "/")?.target == .backend(id))
    #expect(
      routes.backends == [
        id: [
          AddressAndPort(IPAddress("10.0.0.1")!, 8080), AddressAndPort(IPAddress("fd00::1")!, 8080),
        ]
      ])
    #expect(routes.route(host: "w.test", path: "/")?.target == .unavailable)
    #expect(routes.route(host: "m.test", path: "/")?.target == .unavailable)
    #expect(
      Set(routes.problems.map(\.reason)) == [
        "path / of host w.test: Service default/web has no port 81, only 80 (http)",
        "path / of host m.test: Service default/nowhere does not exist",
      ])
  }

  @Test(
    arguments: [
      ("*", nil), ("*.", nil), ("a.*.com", nil), ("*.*.com", nil), ("foo bar", nil), ("a..b", nil), ("x;y", nil),
      ("foo.com", .exact("foo.com")), ("FOO.com", .exact("foo.com")), ("*.foo.com", .wildcard("foo.com")), ("", .any),
      (nil, .any),
    ] as [(String?, HostPattern?)]) func hosts(_ text: String?, _ pattern: HostPattern?)
  {
    #expect(HostPattern(text) == pattern)
  }

  @Test(arguments: ["foo", "/a b", "/a\nb", "/ä", "/a\t"]) func impossiblePaths(_ path: String) {
    let routes = Samples.compile([Samples.ingress("x", ("x.test", [(path, .prefix, "x")]))])
    #expect(routes.hosts.isEmpty && routes.problems.count == 1)
  }

  @Test func certificatesByHost() {
    func certificate(_ name: String) -> Certificate {
      Certificate(id: NamespacedName("default", name), chain: Array("c-\(name)".utf8), key: [])
    }
    let routes = Samples.compile(
      [
        Samples.ingress(
          "old", tls: [.init(hosts: ["a.test", "*.b.test"], secret: "one")], ("a.test", [("/", .prefix, "x")])),
        Samples.ingress(
          "young", created: "2026-05-01T00:00:00Z",
          tls: [.init(hosts: ["a.test", "c.test"], secret: "two"), .init(hosts: ["d.test"], secret: "none")],
          ("c.test", [("/", .prefix, "x")])),
        Samples.ingress("open", tls: [.init(hosts: [], secret: "three")], ("e.test", [("/", .prefix, "x")])),
      ], certificates: ["one", "two", "three"].map(certificate))
    #expect(
      Set(routes.certificates) == [
        HTTPRoutes.CertificateUse(certificate: certificate("one"), hosts: [.exact("a.test"), .wildcard("b.test")]),
        HTTPRoutes.CertificateUse(certificate: certificate("two"), hosts: [.exact("c.test")]),
        HTTPRoutes.CertificateUse(certificate: certificate("three"), hosts: []),
      ])
    #expect(routes.problems.count == 2)
  }

  @Test func statuses() {
    let routes = Samples.compile([
      Samples.ingress("ours", defaultBackend: "x"), Samples.ingress("theirs", className: "nginx", defaultBackend: "x"),
    ])
    let address = IPAddress("192.168.77.2")!
    #expect(routes.statuses(addresses: [address]) == [NamespacedName("default", "ours"): [address]])
  }

  @Test func serverCommands() {
    func server(_ name: String, _ endpoint: String, _ isEnabled: Bool) -> RuntimeState.Server {
      RuntimeState.Server(name: name, endpoint: AddressAndPort(IPAddress(endpoint)!, 80), isEnabled: isEnabled)
    }
    func endpoint(_ text: String) -> AddressAndPort { AddressAndPort(IPAddress(text)!, 80) }
    let found = [server("s1", "10.0.0.1", true), server("s2", "10.0.0.2", false), server("s3", "10.0.0.3", true)]
    func commands(_ wanted: String...) -> [String] {
      HAProxyController.serverCommands("b", wanted: wanted.map(endpoint), found: found)
    }
    #expect(commands("10.0.0.1", "10.0.0.3") == [])
    #expect(commands("10.0.0.1") == ["set server b/s3 state maint"])
    #expect(commands("10.0.0.1", "10.0.0.2", "10.0.0.3") == ["set server b/s2 state ready"])
    #expect(
      commands("10.0.0.1", "10.0.0.4", "fd00::5", "10.0.0.3") == [
        "set server b/s2 addr 10.0.0.4 port 80", "set server b/s2 state ready", "add server b/s4 fd00::5:80",
        "enable server b/s4",
      ])
    #expect(
      commands("10.0.0.9", "10.0.0.1") == [
        "set server b/s2 addr 10.0.0.9 port 80", "set server b/s2 state ready", "set server b/s3 state maint",
      ])
  }
}
