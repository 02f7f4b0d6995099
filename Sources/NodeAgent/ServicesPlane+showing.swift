internal import Addressing
internal import ClusterModel
internal import JSON
internal import ServiceProxy

extension ServicesPlane {
  /// What `swiftlet show services` prints: one Service in full, or all of them without endpoints.
  func show(_ id: NamespacedName?, _ model: SharedModel) -> JSON {
    let services = model.read { state in
      id.map { [$0] } ?? state.services.keys.sorted()
    }.compactMap { id in model.read { $0.serviceWithEndpoints(id) } }
    let compiler = model.read { configuration($0).compiler }
    let refused = proxy.refused
    let waiting = proxy.conflicts
    var answer: JSON = ["node": .string(settings.nodeName), "backend": .string(settings.servicesBackend.mode)]
    var counts: ServiceCounts?
    do { counts = try proxy.counts() } catch { answer["problem"] = .string("counters cannot be read: \(error)") }
    answer["services"] = .array(
      services.map { input in
        let service = input.service
        var json: JSON = [
          "namespace": .string(service.id.namespace), "name": .string(service.id.name),
          "type": .string(service.kind.rawValue),
        ]
        if !service.isProxied {
          json["note"] = "left to another proxy (label service.kubernetes.io/service-proxy-name)"
        }
        if service.isHeadless { json["note"] = "headless: names only" }
        if service.kind == .externalName { json["note"] = "ExternalName: names only" }
        if let reason = refused[service.id] { json["problem"] = .string(reason) }
        let mine = proxy.frontends(of: service.id)
        json["frontends"] = .array(
          mine.map { Self.frontend($0.key, $0.value, counts?.frontends[$0.key]) }
            + waiting.filter { $0.value.contains(service.id) }.keys.sorted().map {
              ["frontend": .string("\($0)"), "problem": "another Service has it"]
            })
        let uses = compiler.explain(input)
        json["endpoints"] = .int(Int64(Set(uses.map(\.target)).count))
        guard id != nil else { return json }
        let hits = counts.map { Self.hits($0, mine) }
        json["backends"] = .array(
          uses.map { use in Self.backend(use, hits.map { $0[PortTarget(use.transport, use.port, use.target)] ?? 0 }) })
        let keys = Set(mine.map(\.key))
        json["affinity"] = .array(
          (counts?.remembered ?? []).filter { keys.contains($0.frontend) }.map {
            [
              "client": .string("\($0.client)"), "frontend": .string("\($0.frontend)"),
              "endpoint": .string("\($0.target)"),
            ]
          })
        return json
      })
    return answer
  }

  private static func frontend(_ key: FrontendKey, _ frontend: ServiceState.Frontend, _ hits: UInt64?) -> JSON {
    var json: JSON = [
      "frontend": .string("\(key)"), "kind": .string(frontend.role.rawValue),
      "endpoints": .int(Int64(frontend.inside.targets.count)),
    ]
    if let outside = frontend.outside { json["endpointsOutside"] = .int(Int64(outside.targets.count)) }
    if let hits { json["hits"] = .int(Int64(clamping: hits)) }
    if let seconds = frontend.affinityTimeout { json["affinitySeconds"] = .int(Int64(seconds)) }
    if let ranges = frontend.sourceRanges { json["sourceRanges"] = .array(ranges.map { .string("\($0)") }) }
    return json
  }

  private static func backend(_ use: BackendUse, _ hits: UInt64?) -> JSON {
    var json: JSON = [
      "port": .string(use.port), "protocol": .string(use.transport.rawValue), "endpoint": .string("\(use.target)"),
      "state": .string(use.state), "use": .string(use.use),
    ]
    if let node = use.node { json["node"] = .string(node) }
    if let hits { json["hits"] = .int(Int64(clamping: hits)) }
    return json
  }

  /// One endpoint of one port of a Service.
  private struct PortTarget: Hashable {
    var transport: TransportProtocol
    var port: String
    var target: Target

    init(_ transport: TransportProtocol, _ port: String, _ target: Target) {
      (self.transport, self.port, self.target) = (transport, port, target)
    }
  }

  /// What was counted at all frontends of each port together.
  private static func hits(
    _ counts: ServiceCounts, _ frontends: [(key: FrontendKey, value: ServiceState.Frontend)]
  ) -> [PortTarget: UInt64] {
    var hits: [PortTarget: UInt64] = [:]
    for (key, frontend) in frontends {
      // The comment is `namespace/name:port`.
      let port = frontend.comment.split(separator: ":").last.map(String.init) ?? ""
      for (target, count) in counts.targets[key] ?? [:] {
        hits[PortTarget(key.transport, port, target), default: 0] += count
      }
    }
    return hits
  }
}
