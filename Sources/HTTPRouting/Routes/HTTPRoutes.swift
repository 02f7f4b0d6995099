package import Addressing
package import ClusterModel

/// Where HTTP requests go: what all Ingresses of ours say together, in terms that any proxy can be told.
package struct HTTPRoutes: Hashable, Sendable {
  /// A port of a Service.
  package struct BackendID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var service: NamespacedName
    package var port: UInt16

    package init(service: NamespacedName, port: UInt16) {
      self.service = service
      self.port = port
    }

    package var description: String { "\(service):\(port)" }

    package static func < (left: Self, right: Self) -> Bool {
      (left.service, left.port) < (right.service, right.port)
    }
  }

  package enum Target: Hashable, Sendable {
    case backend(BackendID)
    /// The Service or its port does not exist: 503.
    case unavailable
  }

  package enum PathMatch: Hashable, Comparable, Sendable {
    /// This path alone, to the last character.
    case exact(String)
    /// Paths that begin with these elements; without a slash at the end, so that the empty text is every path.
    case prefix(String)

    package func matches(_ path: String) -> Bool {
      switch self {
      case .exact(let exact): path == exact
      case .prefix(let prefix): (path + "/").hasPrefix(prefix + "/")
      }
    }

    /// Which of two matches decides: the longer path, then the exact one.
    private var precedence: (Int, Int) {
      switch self {
      case .exact(let path): (path.utf8.count, 1)
      case .prefix(let path): (path.utf8.count, 0)
      }
    }

    /// A greater match decides before a smaller one.
    package static func < (left: Self, right: Self) -> Bool { left.precedence < right.precedence }
  }

  package struct Route: Hashable, Sendable {
    package var match: PathMatch
    package var target: Target
    /// The Ingress that asked for it.
    package var ingress: NamespacedName
  }

  /// A certificate and the names it is shown for.
  package struct CertificateUse: Hashable, Sendable {
    package var certificate: Certificate
    /// Empty: the names in the certificate itself.
    package var hosts: [HostPattern]
  }

  /// Something in an Ingress that cannot be done, or that an older one decides.
  package struct Problem: Hashable, Sendable, CustomStringConvertible {
    package var ingress: NamespacedName
    package var reason: String

    package init(_ ingress: NamespacedName, _ reason: String) {
      self.ingress = ingress
      self.reason = reason
    }

    package var description: String { "Ingress \(ingress): \(reason)" }
  }

  /// The routes of each host, the deciding one first.
  package var hosts: [HostPattern: [Route]] = [:]
  /// Where requests go that no route matches; nil answers them with 404.
  package var defaultRoute: Route?
  /// Ready endpoints of each backend, in order; those without any answer with 503.
  package var backends: [BackendID: [AddressAndPort]] = [:]
  package var certificates: [CertificateUse] = []
  /// The Ingresses that are ours.
  package var ingresses: [NamespacedName] = []
  package var problems: [Problem] = []

  package init() {}

  /// The route of a request: the host first, the most precise pattern that has any routes, then the path among that
  /// pattern's routes ("Incoming requests are matched against the host before the IngressRuleValue", networking.k8s.io/v1).
  package func route(host: String, path: String) -> Route? {
    pattern(host: host).flatMap { hosts[$0]?.first { $0.match.matches(path) } } ?? defaultRoute
  }

  /// The pattern that decides for a host; nil where none matches.
  package func pattern(host: String) -> HostPattern? {
    let name = host.lowercased()
    if hosts[.exact(name)] != nil { return .exact(name) }
    if let dot = name.firstIndex(of: "."), dot > name.startIndex {
      let wildcard = HostPattern.wildcard(String(name[name.index(after: dot)...]))
      if hosts[wildcard] != nil { return wildcard }
    }
    return hosts[.any] == nil ? nil : .any
  }

  /// What `status.loadBalancer.ingress` of each of our Ingresses should hold, given the addresses of the gateway.
  package func statuses(addresses: [IPAddress]) -> [NamespacedName: [IPAddress]] {
    Dictionary(uniqueKeysWithValues: ingresses.map { ($0, addresses) })
  }

  /// The Services whose changes matter here.
  package var services: Set<NamespacedName> { Set(backends.keys.map(\.service)) }
}
