internal import Addressing
internal import ClusterModel

extension ServiceState.Frontend {
  /// As it is wanted, with targets not yet in their slots.
  init(_ wanted: WantedFrontend, owner: NamespacedName) {
    self.init(
      owner: owner, comment: wanted.comment, inside: wanted.inside, outside: wanted.outside,
      draining: wanted.draining, affinityTimeout: wanted.affinityTimeout, sourceRanges: wanted.sourceRanges)
  }

  /// All targets, each once.
  package var targets: [Target] {
    guard let outside else { return inside.targets }
    let known = Set(inside.targets)
    return inside.targets + outside.targets.filter { !known.contains($0) }
  }

  /// The class that chooses among the targets; nil where there are none.
  func pick(_ key: FrontendKey, isOutside: Bool) -> ServiceClass.Pick? {
    let count = (isOutside ? outside : inside)?.targets.count ?? 0
    if count == 0 { return nil }
    var pick = ServiceClass.Pick(slots: count)
    pick.isNodePort = key.isNodePort
    pick.isOutside = isOutside
    pick.isSticky = affinityTimeout != nil
    pick.isRestricted = sourceRanges != nil
    return pick
  }

  /// Every class whose chains the frontend needs.
  func classes(_ key: FrontendKey) -> [ServiceClass] {
    var classes: [ServiceClass] = []
    for case var pick? in [pick(key, isOutside: false), pick(key, isOutside: true)] {
      classes.append(.pick(pick))
      // Once the source is known to be allowed, the open chain goes on.
      if pick.isRestricted {
        pick.isRestricted = false
        classes.append(.pick(pick))
      }
    }
    if let affinityTimeout { classes += [.affinity, .learn(seconds: affinityTimeout, isNodePort: key.isNodePort)] }
    if outside != nil { classes.append(.keepSource) }
    return classes
  }
}

extension WantedFrontend {
  /// What was asked for by the owner that now has to wait.
  init(_ frontend: ServiceState.Frontend) {
    self.init(comment: frontend.comment, inside: frontend.inside.sorted)
    outside = frontend.outside?.sorted
    draining = frontend.draining
    affinityTimeout = frontend.affinityTimeout
    sourceRanges = frontend.sourceRanges
  }
}

extension TargetChoice {
  fileprivate var sorted: TargetChoice { TargetChoice(targets.sorted(), withoutTargets: withoutTargets) }
}
