internal import JSON
internal import Kubernetes
internal import Linux

/// Rolls Deployments out through ReplicaSets. Keys are Deployments.
final class DeploymentController: Controller {
  let name = "deployments"
  let queue = WorkQueue<NamespacedKey>()
  let context: ControllerContext
  private let tracker: WriteTracker

  init(_ context: ControllerContext) {
    self.context = context
    tracker = WriteTracker(context.replicaSets, queue: queue)
  }

  func observe() {
    queue.follow(context.deployments)
    queue.followOwners(of: context.replicaSets, kind: "Deployment", in: context.deployments)
    // With Recreate the last old pod's end starts the new ones.
    context.pods.observe { [context, queue] old, new in
      guard new == nil, let owner = old?.controller, owner.kind == "ReplicaSet", let namespace = old?.namespace,
        let deployment = context.replicaSets.get(namespace, owner.name)?.controller, deployment.kind == "Deployment",
        context.deployments.get(namespace, deployment.name)?.spec["strategy", "type"].string == "Recreate"
      else { return }
      queue.add(NamespacedKey(namespace, deployment.name))
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let deployment = context.deployments.get(key), tracker.isSettled(key),
      let selector = context.selector(of: deployment)
    else { return }
    let sets = try context.claim(
      .replicaSets, context.replicaSets.list(namespace: key.namespace), owner: deployment, .deployments,
      selector: selector)
    var rollout = Rollout(deployment: deployment, sets: sets)
    if !deployment.isTerminating {
      if deployment.spec["paused"].bool ?? false {
        try scaleInProportion(&rollout)
      } else if deployment.spec["strategy", "type"].string == "Recreate" {
        try recreate(&rollout)
      } else if isScaled(rollout) {
        try scaleInProportion(&rollout)
      } else {
        try ensureNewSet(&rollout)
        try rollOn(&rollout)
      }
      try trimHistory(rollout)
    }
    try writeStatus(rollout)
  }

  /// A Deployment on its way: its ReplicaSets as they are after each write.
  struct Rollout {
    var deployment: KubernetesObject
    var new: KubernetesObject?
    /// Oldest first.
    var old: [KubernetesObject]

    init(deployment: KubernetesObject, sets: [KubernetesObject]) {
      self.deployment = deployment
      let new = DeploymentRevision.newSet(of: deployment, among: sets)
      self.new = new
      old = sets.filter { $0.uid != new?.uid }.sorted(by: DeploymentRevision.isOlder)
    }

    var all: [KubernetesObject] { old + (new.map { [$0] } ?? []) }
    var numbers: RollingUpdate {
      RollingUpdate(strategy: deployment.spec["strategy"], replicas: deployment.replicas)
    }
  }

  // MARK: Strategies

  private func recreate(_ rollout: inout Rollout) throws {
    for index in rollout.old.indices { rollout.old[index] = try scale(rollout.old[index], to: 0, rollout) }
    let old = Set(rollout.old.map(\.uid))
    let pods = context.pods.list(namespace: rollout.deployment.namespace)
    guard !pods.contains(where: { !$0.isTerminal && old.contains($0.controller?.uid ?? "") }) else { return }
    try ensureNewSet(&rollout)
    if let new = rollout.new { rollout.new = try scale(new, to: rollout.deployment.replicas, rollout) }
  }

  private func rollOn(_ rollout: inout Rollout) throws {
    guard let new = rollout.new else { return }
    let numbers = rollout.numbers
    let wanted = rollout.deployment.replicas
    let total = rollout.all.map(\.replicas).reduce(0, +)
    let grown = try scale(new, to: numbers.newReplicas(new.replicas, total: total, wanted: wanted), rollout)
    rollout.new = grown
    let next = numbers.oldReplicas(
      rollout.old.map { RollingUpdate.Member(replicas: $0.replicas, available: $0.available) },
      new: RollingUpdate.Member(replicas: grown.replicas, available: new.available), wanted: wanted)
    for (index, replicas) in next.enumerated() {
      rollout.old[index] = try scale(rollout.old[index], to: replicas, rollout)
    }
  }

  /// The Deployment's size was changed since its ReplicaSets were written.
  private func isScaled(_ rollout: Rollout) -> Bool {
    rollout.all.contains { set in
      guard set.replicas > 0, let desired = set.annotations[DeploymentRevision.desired].flatMap({ Int($0) }) else {
        return false
      }
      return desired != rollout.deployment.replicas
    }
  }

  private func scaleInProportion(_ rollout: inout Rollout) throws {
    let wanted = rollout.deployment.replicas
    let active = rollout.all.filter { $0.replicas > 0 }
    if active.count <= 1 {
      // One ReplicaSet, or none: it gets everything.
      guard let only = active.first ?? rollout.new else { return }
      replace(try scale(only, to: wanted, rollout), in: &rollout)
      return
    }
    if let new = rollout.new, new.replicas == wanted, new.available == wanted,
      new.annotations[DeploymentRevision.desired] == String(wanted)
    {
      for set in rollout.old { replace(try scale(set, to: 0, rollout), in: &rollout) }
      return
    }
    guard rollout.deployment.spec["strategy", "type"].string != "Recreate" else { return }
    let sorted = active.sorted { ($0.replicas, $0.name) > ($1.replicas, $1.name) }
    let formerly = sorted.compactMap { Int($0.annotations[DeploymentRevision.maximum] ?? "") }.max()
    let allowed = wanted > 0 ? wanted + rollout.numbers.maxSurge : 0
    let next = RollingUpdate.proportions(
      sorted.map(\.replicas), allowed: allowed, formerly: formerly ?? sorted.map(\.replicas).reduce(0, +))
    for (set, replicas) in zip(sorted, next) { replace(try scale(set, to: replicas, rollout), in: &rollout) }
  }

  private func replace(_ set: KubernetesObject, in rollout: inout Rollout) {
    if set.uid == rollout.new?.uid { rollout.new = set }
    for index in rollout.old.indices where rollout.old[index].uid == set.uid { rollout.old[index] = set }
  }

  // MARK: ReplicaSets

  /// Writes the size of a ReplicaSet, and which size of the Deployment it stands for.
  private func scale(_ set: KubernetesObject, to replicas: Int, _ rollout: Rollout) throws -> KubernetesObject {
    var changed = set
    changed.spec["replicas"] = .count(replicas)
    annotateSize(&changed, rollout)
    if changed == set { return set }
    let written = try context.client.update(.replicaSets, changed)
    tracker.wrote(written, for: rollout.deployment.key)
    if replicas != set.replicas {
      let direction = replicas > set.replicas ? "up" : "down"
      context.events.record(
        rollout.deployment, reason: "ScalingReplicaSet",
        message: "Scaled \(direction) replica set \(set.name) from \(set.replicas) to \(replicas)")
    }
    return written
  }

  private func annotateSize(_ set: inout KubernetesObject, _ rollout: Rollout) {
    let wanted = rollout.deployment.replicas
    set.annotations[DeploymentRevision.desired] = String(wanted)
    set.annotations[DeploymentRevision.maximum] = String(wanted + rollout.numbers.maxSurge)
  }

  private func ensureNewSet(_ rollout: inout Rollout) throws {
    let revision = (rollout.old.map(DeploymentRevision.number).max() ?? 0) + 1
    if let new = rollout.new {
      var changed = new
      for (key, value) in DeploymentRevision.copied(rollout.deployment) { changed.annotations[key] = value }
      DeploymentRevision.set(revision, on: &changed)
      changed.spec["minReadySeconds"] = rollout.deployment.spec["minReadySeconds"]
      if changed != new {
        let written = try context.client.update(.replicaSets, changed)
        tracker.wrote(written, for: rollout.deployment.key)
        rollout.new = written
      }
    } else {
      rollout.new = try createSet(rollout, revision: revision)
    }
    if let new = rollout.new { try writeRevision(DeploymentRevision.number(new), &rollout) }
  }

  private func writeRevision(_ revision: Int, _ rollout: inout Rollout) throws {
    guard DeploymentRevision.number(rollout.deployment) != revision else { return }
    var deployment = rollout.deployment
    deployment.annotations[DeploymentRevision.annotation] = String(revision)
    rollout.deployment = try context.client.update(.deployments, deployment)
  }

  private func createSet(_ rollout: Rollout, revision: Int) throws -> KubernetesObject? {
    let deployment = rollout.deployment
    let collisions = deployment.status["collisionCount"].int ?? 0
    let hash = NameSuffix.hash(
      deployment.spec["template"].canonicalText + (collisions == 0 ? "" : String(collisions)))
    var set = KubernetesObject(
      .replicaSets, namespace: deployment.namespace, name: "\(deployment.name)-\(hash)")
    var template = deployment.spec["template"]
    template["metadata", "labels", DeploymentRevision.hashLabel] = .string(hash)
    set.labels = template["metadata", "labels"].stringMap
    set.annotations = DeploymentRevision.copied(deployment)
    set.ownerReferences = [OwnerReference(controller: deployment)]
    DeploymentRevision.set(revision, on: &set)
    annotateSize(&set, rollout)
    set.spec["minReadySeconds"] = deployment.spec["minReadySeconds"]
    set.spec["selector"] = deployment.spec["selector"]
    set.spec["selector", "matchLabels", DeploymentRevision.hashLabel] = .string(hash)
    set.spec["template"] = template
    let total = rollout.old.map(\.replicas).reduce(0, +)
    let replicas =
      deployment.spec["strategy", "type"].string == "Recreate"
      ? deployment.replicas : rollout.numbers.newReplicas(0, total: total, wanted: deployment.replicas)
    set.spec["replicas"] = .count(replicas)
    do {
      let written = try context.client.create(.replicaSets, set)
      tracker.wrote(written, for: deployment.key)
      context.events.record(
        deployment, reason: "ScalingReplicaSet",
        message: "Scaled up replica set \(written.name) from 0 to \(replicas)")
      return written
    } catch let status as APIStatus where status.isAlreadyExists {
      // Ours from a moment ago, or another template with the same hash.
      let other = try context.client.get(.replicaSets, namespace: set.namespace, name: set.name)
      if other.controller?.uid == deployment.uid,
        DeploymentRevision.newSet(of: deployment, among: [other]) != nil
      {
        return other
      }
      var changed = deployment
      changed.status["collisionCount"] = .count(collisions + 1)
      try context.client.updateStatus(.deployments, changed)
      throw status
    }
  }

  /// Deletes the oldest ReplicaSets that nobody needs beyond `revisionHistoryLimit`.
  private func trimHistory(_ rollout: Rollout) throws {
    let limit = rollout.deployment.spec["revisionHistoryLimit"].int ?? 10
    guard DeploymentStatus.isComplete(rollout) else { return }
    let idle = rollout.old.filter {
      $0.replicas == 0 && ($0.status["replicas"].int ?? 0) == 0 && !$0.isTerminating
        && $0.generation <= ($0.status["observedGeneration"].int ?? 0)
    }
    for set in idle.sorted(by: { DeploymentRevision.number($0) < DeploymentRevision.number($1) })
      .prefix(max(0, idle.count - limit))
    {
      try context.client.delete(.replicaSets, namespace: set.namespace, name: set.name, .init(uid: set.uid))
      tracker.deleted(set, for: rollout.deployment.key)
    }
  }

  private func writeStatus(_ rollout: Rollout) throws {
    let now = Timestamp.now()
    let (status, recheck) = DeploymentStatus.status(rollout, now: now)
    try context.updateStatus(.deployments, rollout.deployment, status)
    if let recheck { queue.add(rollout.deployment.key, after: recheck) }
  }
}

extension KubernetesObject {
  /// `status.availableReplicas`.
  fileprivate var available: Int { status["availableReplicas"].int ?? 0 }
}
