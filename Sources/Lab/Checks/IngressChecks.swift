internal import ClusterModel
internal import JSON
internal import Kubernetes
internal import Linux

/// Ingress objects, asked from the outside world at the gateway node's address.
enum IngressChecks {
  static let all = [
    Check("an Ingress host and path over HTTPS reaches the right Service", fixture),
    Check("the manifests' Ingresses reach their Services", manifests),
  ]

  private static func look(_ context: CheckContext) -> String {
    let gateway = context.lab.gatewayNode?.name ?? ""
    return "swiftlet lab logs lab:agent-\(gateway); the proxy's files in \(context.site.agentState(gateway))"
  }

  /// Asks for a URL from the outside world. With an authority (PEM) the server's certificate must lead to it.
  private static func fetch(
    _ context: CheckContext, _ url: String, authority: String? = nil
  ) throws -> CheckProbes.Result {
    guard let gateway = context.lab.gatewayNode?.address(context.family) else {
      throw Check.Failure(expected: "a gateway node", seen: "none", look: context.site.configurationFile)
    }
    return try context.probes.fetch(url, at: gateway, authority: authority)
  }

  private static func fixture(_ context: CheckContext) throws -> Check.Outcome {
    if context.lab.gatewayNode == nil { return .notApplicable("HAProxy is not installed on this machine") }
    let url = "https://\(CheckFixture.host)\(CheckFixture.path)/one"
    // The proxy learns of the Ingress when all else does; it was made some time before this check.
    var result = try fetch(context, url, authority: context.authority)
    let isRight = try context.wait(5) {
      result = try fetch(context, url, authority: context.authority)
      return result.isOK && result.namespace == CheckFixture.namespace
    }
    try expect(
      isRight,
      "\(url) to be answered by a pod of Service \(CheckFixture.namespace)/\(CheckFixture.service), with the "
        + "certificate of Secret \(CheckFixture.secret)", seen: result.text, look: look(context))
    let wrong = try fetch(context, "https://\(CheckFixture.host)/elsewhere", authority: context.authority)
    try expect(
      wrong.pod.isEmpty, "a path that no rule names to reach no pod", seen: wrong.text, look: look(context))
    return .passed(url)
  }

  /// Every host and path whose Service has a ready pod must be answered by one of that Service's pods.
  private static func manifests(_ context: CheckContext) throws -> Check.Outcome {
    let state = try context.cluster()
    var urls: [(String, NamespacedName)] = []
    for ingress in state.ingresses.values.sorted(by: { $0.id < $1.id })
    where ingress.id.namespace != CheckFixture.namespace {
      for rule in ingress.rules {
        // A wildcard stands for one label.
        let host = rule.host.map { $0.hasPrefix("*.") ? "any" + $0.dropFirst() : $0 } ?? "any.example"
        let isTLS = ingress.tls.contains { tls in rule.host.map { tls.hosts.contains($0) } ?? tls.hosts.isEmpty }
        for path in rule.paths {
          let service = NamespacedName(ingress.id.namespace, path.backend.service)
          guard hasReadyPod(state, service) else { continue }
          urls.append(("\(isTLS ? "https" : "http")://\(host)\(path.path.isEmpty ? "/" : path.path)", service))
        }
      }
    }
    if urls.isEmpty { return .notApplicable("the manifests hold no Ingress with a ready Service") }
    for (url, service) in urls {
      let pods = Set(
        state.endpointSlices(of: service).flatMap { $0.endpoints.compactMap { state.pod(at: $0.address)?.id.name } })
      var result = try fetch(context, url)
      let isRight = try context.wait(5) {
        result = try fetch(context, url)
        return result.isOK && pods.contains(result.pod)
      }
      try expect(
        isRight, "\(url) to be answered by a pod of Service \(service)", seen: result.text, look: look(context))
    }
    return .passed(urls.map(\.0).joined(separator: ", "))
  }

  private static func hasReadyPod(_ state: ClusterState, _ service: NamespacedName) -> Bool {
    state.endpointSlices(of: service).contains { $0.endpoints.contains { $0.isReady } }
  }
}
