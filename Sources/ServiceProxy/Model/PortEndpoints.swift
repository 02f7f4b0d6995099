internal import Addressing
internal import ClusterModel

/// The endpoints of one port in one family, sorted into what each kind of client may have.
struct PortEndpoints {
  let comment: String
  /// All that may serve, by topology; and without it.
  let everywhere: [Target]
  let near: [Target]
  let local: [Target]
  let serving: [Target]

  /// What an endpoint is, seen from this node. Endpoints themselves are not copied: there are ten times as many as
  /// Services.
  private struct Candidate {
    var target: Target
    var order: Int
    var traits: Traits
  }

  private struct Traits: OptionSet {
    let rawValue: UInt16
    static let ready = Traits(rawValue: 1)
    static let serving = Traits(rawValue: 2)
    static let terminating = Traits(rawValue: 4)
    static let here = Traits(rawValue: 8)
    static let hasNodeHints = Traits(rawValue: 16)
    static let forThisNode = Traits(rawValue: 32)
    static let hasZoneHints = Traits(rawValue: 64)
    static let forThisZone = Traits(rawValue: 128)

    init(rawValue: UInt16) { self.rawValue = rawValue }

    init(_ endpoint: EndpointSlice.Endpoint, _ compiler: ServiceCompiler) {
      var traits: Traits = []
      if endpoint.isReady { traits.insert(.ready) }
      if endpoint.isServing { traits.insert(.serving) }
      if endpoint.isTerminating { traits.insert(.terminating) }
      if endpoint.node == compiler.nodeName { traits.insert(.here) }
      if !endpoint.hintedNodes.isEmpty {
        traits.insert(.hasNodeHints)
        if endpoint.hintedNodes.contains(compiler.nodeName) { traits.insert(.forThisNode) }
      }
      if !endpoint.hintedZones.isEmpty {
        traits.insert(.hasZoneHints)
        if let zone = compiler.zone, endpoint.hintedZones.contains(zone) { traits.insert(.forThisZone) }
      }
      self = traits
    }
  }

  init(_ input: ServiceWithEndpoints, _ port: Service.Port, _ family: IPFamily, _ compiler: ServiceCompiler) {
    comment = "\(input.service.id):\(port.name.isEmpty ? "\(port.port)" : port.name)"
    let candidates = Self.candidates(input, port, family, compiler)
    everywhere = Self.usable(candidates)
    let hinted = Self.hinted(candidates)
    near = hinted.isEmpty ? everywhere : hinted
    local = Self.usable(candidates.filter { $0.traits.contains(.here) })
    serving = Self.targets(candidates, .serving)
  }

  /// In order, whatever their conditions. Slice ports match by name and protocol, only the first address of an endpoint
  /// counts (EndpointSlice API), and of an address that is listed twice the first that is not terminating wins.
  private static func candidates(
    _ input: ServiceWithEndpoints, _ port: Service.Port, _ family: IPFamily, _ compiler: ServiceCompiler
  ) -> [Candidate] {
    var found: [Candidate] = []
    for slice in input.slices where slice.family == family && !slice.isHeadless {
      for slicePort in slice.ports where slicePort.name == port.name && slicePort.transport == port.transport {
        found.reserveCapacity(found.count + slice.endpoints.count)
        for endpoint in slice.endpoints {
          found.append(
            Candidate(
              target: Target(endpoint.address, slicePort.port), order: found.count, traits: Traits(endpoint, compiler)))
        }
      }
    }
    found.sort { left, right in
      if left.target != right.target { return left.target < right.target }
      let (leftEnds, rightEnds) = (left.traits.contains(.terminating), right.traits.contains(.terminating))
      return leftEnds == rightEnds ? left.order < right.order : rightEnds
    }
    var distinct: [Candidate] = []
    distinct.reserveCapacity(found.count)
    for candidate in found where distinct.last?.target != candidate.target { distinct.append(candidate) }
    return distinct
  }

  private static func targets(_ candidates: [Candidate], _ traits: Traits) -> [Target] {
    var targets: [Target] = []
    targets.reserveCapacity(candidates.count)
    for candidate in candidates where candidate.traits.isSuperset(of: traits) { targets.append(candidate.target) }
    return targets
  }

  /// The ready endpoints; if there are none, those that are terminating but still serve (KEP-1669).
  private static func usable(_ candidates: [Candidate]) -> [Target] {
    let ready = targets(candidates, .ready)
    return ready.isEmpty ? targets(candidates, [.serving, .terminating]) : ready
  }

  /// The ready endpoints hinted for this node, else for its zone. Hints count only if every ready endpoint has one; empty
  /// where they do not.
  private static func hinted(_ candidates: [Candidate]) -> [Target] {
    func allHave(_ hints: Traits) -> Bool {
      candidates.allSatisfy { !$0.traits.contains(.ready) || $0.traits.contains(hints) }
    }
    if allHave(.hasNodeHints) {
      let found = targets(candidates, [.ready, .forThisNode])
      if !found.isEmpty { return found }
    }
    return allHave(.hasZoneHints) ? targets(candidates, [.ready, .forThisZone]) : []
  }

  /// Endpoints elsewhere, none here: the policy forbids them, which is not the same as there being none.
  private var onThisNode: TargetChoice {
    TargetChoice(local, withoutTargets: local.isEmpty && !everywhere.isEmpty ? .drop : .reject, isLocal: true)
  }

  func clusterFrontend(_ service: Service) -> WantedFrontend {
    frontend(service, .cluster, inside: service.isInternalTrafficLocal ? onThisNode : TargetChoice(near))
  }

  /// NodePorts, external and load balancer addresses: the node and its pods reach every endpoint, whatever the policy.
  func outerFrontend(_ service: Service, _ role: FrontendRole) -> WantedFrontend {
    frontend(service, role, inside: TargetChoice(near), outside: service.isExternalTrafficLocal ? onThisNode : nil)
  }

  private func frontend(
    _ service: Service, _ role: FrontendRole, inside: TargetChoice, outside: TargetChoice? = nil
  ) -> WantedFrontend {
    var wanted = WantedFrontend(comment: comment, role: role, inside: inside)
    wanted.outside = outside
    wanted.affinityTimeout = service.affinityTimeout
    // Nearly always everything that serves is chosen.
    if serving != inside.targets {
      let chosen = Set(inside.targets + (outside?.targets ?? []))
      wanted.draining = serving.filter { !chosen.contains($0) }
    }
    return wanted
  }
}
