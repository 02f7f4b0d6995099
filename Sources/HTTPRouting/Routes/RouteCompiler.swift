package import Addressing
package import ClusterModel

/// Compiles Ingresses and what they refer to into routes. A pure function: the same values give the same routes.
package struct RouteCompiler {
  /// The `spec.controller` of the IngressClasses that are ours.
  package static let controller = "swiftlet.dev/ingress"
  /// The class that is ours even while no IngressClass object says so, for the legacy annotation.
  package static let className = "swiftlet"

  private let classes: [IngressClass]
  private let certificate: (NamespacedName) -> Certificate?
  private let service: (NamespacedName) -> ServiceWithEndpoints?
  private var routes = HTTPRoutes()
  /// Who has a host's certificate already.
  private var certified: [HostPattern: NamespacedName] = [:]

  /// `certificate` and `service` look up what Ingresses name; nil says that there is none.
  package static func compile(
    _ ingresses: some Sequence<Ingress>, classes: some Sequence<IngressClass>,
    certificate: (NamespacedName) -> Certificate?, service: (NamespacedName) -> ServiceWithEndpoints?
  ) -> HTTPRoutes {
    withoutActuallyEscaping(certificate) { certificate in
      withoutActuallyEscaping(service) { service in
        var compiler = RouteCompiler(classes: Array(classes), certificate: certificate, service: service)
        // Of two that claim the same thing the older one has it, then the one that sorts first.
        for ingress in ingresses.sorted(by: { ($0.created, $0.id) < ($1.created, $1.id) }) { compiler.add(ingress) }
        return compiler.finished()
      }
    }
  }

  private init(
    classes: [IngressClass], certificate: @escaping (NamespacedName) -> Certificate?,
    service: @escaping (NamespacedName) -> ServiceWithEndpoints?
  ) {
    self.classes = classes
    self.certificate = certificate
    self.service = service
  }

  /// Whether an Ingress of a class is ours; one without a class belongs to the default class, of several the one whose
  /// name sorts first.
  package static func isOurs(_ className: String?, _ classes: [IngressClass]) -> Bool {
    if let className {
      return classes.first { $0.name == className }.map { $0.controller == controller } ?? (className == Self.className)
    }
    return classes.filter(\.isDefault).min { $0.name < $1.name }?.controller == controller
  }

  private mutating func add(_ ingress: Ingress) {
    guard Self.isOurs(ingress.className, classes) else { return }
    routes.ingresses.append(ingress.id)
    if ingress.rules.isEmpty && ingress.defaultBackend == nil {
      problem(ingress, "has neither rules nor a default backend")
    }
    for rule in ingress.rules {
      guard let host = HostPattern(rule.host) else {
        problem(ingress, "host \"\(rule.host ?? "")\" is neither a DNS name nor one with `*.` in front")
        continue
      }
      for path in rule.paths { add(path, host, ingress) }
    }
    if let backend = ingress.defaultBackend {
      if let other = routes.defaultRoute {
        problem(ingress, "defaultBackend: \(other.ingress) is older and has it")
      } else {
        routes.defaultRoute = HTTPRoutes.Route(
          match: .prefix(""), target: target(backend, ingress, "defaultBackend"), ingress: ingress.id)
      }
    }
    for tls in ingress.tls { add(tls, ingress) }
  }

  private mutating func add(_ path: Ingress.Path, _ host: HostPattern, _ ingress: Ingress) {
    guard let match = Self.match(path) else {
      problem(ingress, "path \"\(path.path)\" of host \(host) must begin with / and hold visible ASCII characters only")
      return
    }
    let others = routes.hosts[host] ?? []
    if let other = others.first(where: { $0.match == match }) {
      if other.ingress == ingress.id {
        problem(ingress, "path \(path.path) of host \(host) is given twice; the first one counts")
      } else {
        problem(ingress, "path \(path.path) of host \(host): \(other.ingress) is older and has it")
      }
      return
    }
    let target = target(path.backend, ingress, "path \(path.path) of host \(host)")
    routes.hosts[host] = others + [HTTPRoutes.Route(match: match, target: target, ingress: ingress.id)]
  }

  /// ImplementationSpecific is taken as Prefix. nil for a path that no request can have or that a proxy's files cannot
  /// hold.
  static func match(_ path: Ingress.Path) -> HTTPRoutes.PathMatch? {
    var text = path.path.isEmpty ? "/" : path.path
    guard text.hasPrefix("/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    if path.type == .exact { return .exact(text) }
    while text.hasSuffix("/") { text.removeLast() }
    return .prefix(text)
  }

  private mutating func target(_ backend: Ingress.Backend, _ ingress: Ingress, _ place: String) -> HTTPRoutes.Target {
    let id = NamespacedName(ingress.id.namespace, backend.service)
    guard let service = service(id) else {
      problem(ingress, "\(place): Service \(id) does not exist")
      return .unavailable
    }
    let port = service.service.ports.first { port in
      switch backend.port {
      case .number(let number): port.port == number
      case .name(let name): port.name == name
      }
    }
    guard let port else {
      let ports = service.service.ports.map { $0.name.isEmpty ? "\($0.port)" : "\($0.port) (\($0.name))" }
      problem(
        ingress, "\(place): Service \(id) has no port \(backend.port.text), only \(ports.joined(separator: ", "))")
      return .unavailable
    }
    if service.service.kind == .externalName {
      problem(ingress, "\(place): Service \(id) is of type ExternalName, which has no endpoints")
      return .unavailable
    }
    let backendID = HTTPRoutes.BackendID(service: id, port: port.port)
    if routes.backends[backendID] == nil { routes.backends[backendID] = Self.endpoints(of: backendID, service) }
    return .backend(backendID)
  }

  /// The ready endpoints of a backend, of both families, in order; nil if the Service has no such port any more.
  package static func endpoints(of id: HTTPRoutes.BackendID, _ service: ServiceWithEndpoints) -> [AddressAndPort]? {
    guard let port = service.service.ports.first(where: { $0.port == id.port }) else { return nil }
    return IPFamily.allCases.flatMap { family in
      service.backends(of: port, family: family).filter(\.endpoint.isReady).map { AddressAndPort($0.address, $0.port) }
    }
  }

  private mutating func add(_ tls: Ingress.TLS, _ ingress: Ingress) {
    guard let secret = tls.secret, !secret.isEmpty else {
      problem(ingress, "tls without secretName")
      return
    }
    let id = NamespacedName(ingress.id.namespace, secret)
    guard let certificate = certificate(id) else {
      problem(ingress, "tls: Secret \(id) does not exist or is not of type kubernetes.io/tls")
      return
    }
    var hosts: [HostPattern] = []
    for text in tls.hosts {
      guard let host = HostPattern(text), host != .any else {
        problem(ingress, "tls: host \"\(text)\" is neither a DNS name nor one with `*.` in front")
        continue
      }
      if let owner = certified[host], owner != id {
        problem(ingress, "tls: host \(host) has the certificate of Secret \(owner) from an older Ingress")
        continue
      }
      certified[host] = id
      hosts.append(host)
    }
    if hosts.isEmpty && !tls.hosts.isEmpty { return }
    if let index = routes.certificates.firstIndex(where: { $0.certificate.id == id }) {
      // Shown for the certificate's own names already, or not: hosts that are named add to each other.
      let known = routes.certificates[index].hosts
      routes.certificates[index].hosts = known.isEmpty || hosts.isEmpty ? [] : Array(Set(known + hosts)).sorted()
    } else {
      routes.certificates.append(HTTPRoutes.CertificateUse(certificate: certificate, hosts: hosts.sorted()))
    }
  }

  private mutating func problem(_ ingress: Ingress, _ reason: String) {
    routes.problems.append(HTTPRoutes.Problem(ingress.id, reason))
  }

  private func finished() -> HTTPRoutes {
    var routes = routes
    for host in routes.hosts.keys { routes.hosts[host]?.sort { $0.match > $1.match } }
    return routes
  }
}

extension PortReference {
  fileprivate var text: String {
    switch self {
    case .number(let number): "\(number)"
    case .name(let name): name
    }
  }
}
