import Addressing
import ClusterModel

@testable import HTTPRouting

/// Ingresses in few words.
enum Samples {
  static func ingress(
    _ name: String, created: String = "2026-01-01T00:00:00Z", className: String? = "swiftlet",
    namespace: String = "default",
    defaultBackend: String? = nil, tls: [Ingress.TLS] = [], _ rules: (String?, [(String, Ingress.PathType, String)])...
  ) -> Ingress {
    var ingress = Ingress(id: NamespacedName(namespace, name))
    ingress.created = created
    ingress.className = className
    ingress.tls = tls
    ingress.defaultBackend = defaultBackend.map { Ingress.Backend(service: $0, port: .number(80)) }
    ingress.rules = rules.map { host, paths in
      Ingress.Rule(
        host: host,
        paths: paths.map { path, type, service in
          Ingress.Path(path: path, type: type, backend: Ingress.Backend(service: service, port: .number(80)))
        })
    }
    return ingress
  }

  /// A Service with port 80 (and "http") and endpoints of its own port each.
  static func service(_ name: String, namespace: String = "default", _ endpoints: AddressAndPort...)
    -> ServiceWithEndpoints
  {
    service(name, namespace: namespace, endpoints)
  }

  static func service(_ name: String, namespace: String = "default", _ endpoints: [AddressAndPort])
    -> ServiceWithEndpoints
  {
    let id = NamespacedName(namespace, name)
    var service = Service(id: id)
    service.ports = [Service.Port(name: "http", port: 80)]
    let slices = endpoints.enumerated().map { number, endpoint in
      var slice = EndpointSlice(
        id: NamespacedName(namespace, "\(name)-\(number)"), service: id, family: endpoint.address.family)
      slice.ports = [EndpointSlice.Port(name: "http", port: endpoint.port)]
      slice.endpoints = [EndpointSlice.Endpoint(endpoint.address)]
      return slice
    }
    return ServiceWithEndpoints(service: service, slices: slices)
  }

  static let classes = [IngressClass(name: "swiftlet", controller: RouteCompiler.controller)]

  /// Compiles with a Service for every name that is used, each with one endpoint.
  static func compile(
    _ ingresses: [Ingress], classes: [IngressClass] = classes, certificates: [Certificate] = [],
    services: [ServiceWithEndpoints]? = nil
  ) -> HTTPRoutes {
    RouteCompiler.compile(
      ingresses, classes: classes, certificate: { id in certificates.first { $0.id == id } },
      service: { id in
        guard let services else {
          return service(id.name, namespace: id.namespace, AddressAndPort(IPAddress("10.0.0.1")!, 8080))
        }
        return services.first { $0.service.id == id }
      })
  }

  /// The rules of ingress-controller-conformance's path_rules and host_rules, and more of the kind.
  static var conformance: Ingress {
    ingress(
      "conformance",
      ("exact-path-rules.test", [("/foo", .exact, "foo-exact")]),
      (
        "prefix-path-rules.test",
        [
          ("/foo", .prefix, "foo-prefix"), ("/aaa", .prefix, "aaa-prefix"),
          ("/aaa/bbb", .prefix, "aaa-slash-bbb-prefix"),
        ]
      ),
      ("mixed-path-rules.test", [("/foo", .prefix, "foo-prefix"), ("/foo", .exact, "foo-exact")]),
      (
        "trailing-slash-path-rules.test",
        [("/aaa/bbb/", .prefix, "aaa-slash-bbb-slash-prefix"), ("/foo/", .exact, "foo-slash-exact")]
      ),
      (
        "everything.test",
        [("/", .prefix, "all"), ("/a%20b;c#d\"e\\f", .exact, "odd"), ("", .implementationSpecific, "never")]
      ),
      ("specific.test", [("/foo", .implementationSpecific, "specific")]),
      ("foo.bar.com", [("/", .prefix, "foo-bar-com")]), ("*.foo.com", [("/", .prefix, "wildcard-foo-com")]),
      ("precise.foo.com", [("/only", .prefix, "precise")]))
  }

  /// Host, path, and the Service that answers; nil for 404.
  static let requests: [(host: String, path: String, service: String?)] = [
    ("exact-path-rules.test", "/foo", "foo-exact"), ("exact-path-rules.test", "/bar", nil),
    ("exact-path-rules.test", "/foo/", nil), ("exact-path-rules.test", "/FOO", nil),
    ("exact-path-rules.test", "/foo/bar", nil), ("exact-path-rules.test", "/", nil),
    ("exact-path-rules.test", "/foo?x=/", "foo-exact"), ("EXACT-Path-Rules.test", "/foo", "foo-exact"),
    ("prefix-path-rules.test", "/foo", "foo-prefix"), ("prefix-path-rules.test", "/foo/", "foo-prefix"),
    ("prefix-path-rules.test", "/FOO", nil), ("prefix-path-rules.test", "/aaa/bbb", "aaa-slash-bbb-prefix"),
    ("prefix-path-rules.test", "/aaa/bbb/", "aaa-slash-bbb-prefix"),
    ("prefix-path-rules.test", "/aaa/bbb/ccc", "aaa-slash-bbb-prefix"),
    ("prefix-path-rules.test", "/aaa/bbbccc", "aaa-prefix"), ("prefix-path-rules.test", "/aaa/ccc", "aaa-prefix"),
    ("prefix-path-rules.test", "/aaaccc", nil), ("prefix-path-rules.test", "/", nil),
    ("prefix-path-rules.test", "/foo?/aaa", "foo-prefix"),
    ("mixed-path-rules.test", "/foo", "foo-exact"), ("mixed-path-rules.test", "/foo/", "foo-prefix"),
    ("mixed-path-rules.test", "/foo/bar", "foo-prefix"),
    ("trailing-slash-path-rules.test", "/aaa/bbb", "aaa-slash-bbb-slash-prefix"),
    ("trailing-slash-path-rules.test", "/aaa/bbb/", "aaa-slash-bbb-slash-prefix"),
    ("trailing-slash-path-rules.test", "/aaa/bbb/ccc", "aaa-slash-bbb-slash-prefix"),
    ("trailing-slash-path-rules.test", "/aaa/bbbccc", nil),
    ("trailing-slash-path-rules.test", "/foo/", "foo-slash-exact"),
    ("trailing-slash-path-rules.test", "/foo", nil),
    ("everything.test", "/", "all"), ("everything.test", "/x/y", "all"), ("everything.test", "/a%20b;c", "all"),
    ("specific.test", "/foo/bar", "specific"), ("specific.test", "/foobar", nil),
    ("foo.bar.com", "/", "foo-bar-com"), ("bar.foo.com", "/", "wildcard-foo-com"),
    ("BAR.Foo.Com", "/x", "wildcard-foo-com"),
    ("baz.bar.foo.com", "/", nil), ("foo.com", "/", nil), ("sub.foo.bar.com", "/", nil), ("foobar.com", "/", nil),
    ("precise.foo.com", "/only", "precise"), ("precise.foo.com", "/other", nil), ("unknown", "/", nil),
  ]
}
