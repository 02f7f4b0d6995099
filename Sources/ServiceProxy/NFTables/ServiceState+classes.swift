internal import Addressing

extension ServiceState.Frontend {
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

extension ServiceClass {
  /// How many frontends are of each class.
  static func uses(by frontends: some Sequence<(key: FrontendKey, value: ServiceState.Frontend)>) -> [ServiceClass: Int]
  {
    var uses: [ServiceClass: Int] = [:]
    for (key, frontend) in frontends {
      for one in frontend.classes(key) { uses[one, default: 0] += 1 }
    }
    return uses
  }
}
