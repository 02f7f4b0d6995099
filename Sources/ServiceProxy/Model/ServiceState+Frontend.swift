internal import Addressing
internal import ClusterModel

extension ServiceState.Frontend {
  /// As it is wanted, with targets not yet in their slots.
  init(_ wanted: WantedFrontend, owner: NamespacedName) {
    self.init(
      owner: owner, role: wanted.role, comment: wanted.comment, inside: wanted.inside, outside: wanted.outside,
      draining: wanted.draining, affinityTimeout: wanted.affinityTimeout, sourceRanges: wanted.sourceRanges)
  }

  /// All targets, each once.
  package var targets: [Target] {
    guard let outside else { return inside.targets }
    let known = Set(inside.targets)
    return inside.targets + outside.targets.filter { !known.contains($0) }
  }
}

extension WantedFrontend {
  /// What was asked for by the owner that now has to wait.
  init(_ frontend: ServiceState.Frontend) {
    self.init(comment: frontend.comment, role: frontend.role, inside: frontend.inside.sorted)
    outside = frontend.outside?.sorted
    draining = frontend.draining
    affinityTimeout = frontend.affinityTimeout
    sourceRanges = frontend.sourceRanges
  }
}

extension TargetChoice {
  fileprivate var sorted: TargetChoice {
    TargetChoice(targets.sorted(), withoutTargets: withoutTargets, isLocal: isLocal)
  }
}
