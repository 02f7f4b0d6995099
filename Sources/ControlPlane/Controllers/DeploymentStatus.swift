internal import JSON
internal import Kubernetes

/// The status of a Deployment from its ReplicaSets. Pure. `kubectl rollout status` reads these fields.
enum DeploymentStatus {
  private static func sum(_ sets: [KubernetesObject], _ field: String) -> Int {
    sets.map { $0.status[field].int ?? 0 }.reduce(0, +)
  }

  /// Every pod is of the new template and available, and none is left of another.
  static func isComplete(_ rollout: DeploymentController.Rollout) -> Bool {
    let wanted = rollout.deployment.replicas
    guard let new = rollout.new else { return false }
    return sum([new], "replicas") == wanted && sum(rollout.all, "replicas") == wanted
      && sum(rollout.all, "availableReplicas") == wanted
      && rollout.deployment.generation <= (rollout.deployment.status["observedGeneration"].int ?? 0)
  }

  /// The status, and after how many seconds the deadline must be looked at again.
  static func status(_ rollout: DeploymentController.Rollout, now: Timestamp) -> (status: JSON, recheck: Double?) {
    let deployment = rollout.deployment
    let total = sum(rollout.all, "replicas")
    let available = sum(rollout.all, "availableReplicas")
    let updated = rollout.new.map { sum([$0], "replicas") } ?? 0
    var status: JSON = deployment.status.object == nil ? [:] : deployment.status
    status["observedGeneration"] = .count(deployment.generation)
    status["replicas"] = count(total)
    status["updatedReplicas"] = count(updated)
    status["readyReplicas"] = count(sum(rollout.all, "readyReplicas"))
    status["availableReplicas"] = count(available)
    let asked = rollout.all.map(\.replicas).reduce(0, +)
    status["unavailableReplicas"] = count(max(0, asked - available))
    var conditions = Conditions(status["conditions"])
    let isAvailable = available >= deployment.replicas - rollout.numbers.maxUnavailable
    conditions.set(
      "Available", isAvailable ? "True" : "False",
      reason: isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      message: isAvailable
        ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
      now: now, stampsUpdates: true)
    let recheck = setProgress(&conditions, rollout, status, now: now)
    let failure = rollout.new?.condition("ReplicaFailure") ?? .null
    if failure["status"].string == "True" {
      conditions.set(
        "ReplicaFailure", "True", reason: failure["reason"].string ?? "", message: failure["message"].string ?? "",
        now: now, stampsUpdates: true)
    } else {
      conditions.remove("ReplicaFailure")
    }
    status["conditions"] = conditions.json
    return (status, recheck)
  }

  /// A zero is left out, as the API's own encoding does.
  private static func count(_ value: Int) -> JSON { value == 0 ? .null : .count(value) }

  private static func setProgress(
    _ conditions: inout Conditions, _ rollout: DeploymentController.Rollout, _ status: JSON, now: Timestamp
  ) -> Double? {
    let deployment = rollout.deployment
    guard let new = rollout.new else { return nil }
    let deadline = deployment.spec["progressDeadlineSeconds"].int ?? 600
    let old = deployment.status
    let wanted = deployment.replicas
    func field(_ json: JSON, _ name: String) -> Int { json[name].int ?? 0 }
    let isComplete =
      field(status, "updatedReplicas") == wanted && field(status, "replicas") == wanted
      && field(status, "availableReplicas") == wanted
    if isComplete {
      conditions.set(
        "Progressing", "True", reason: "NewReplicaSetAvailable",
        message: "ReplicaSet \"\(new.name)\" has successfully progressed.", now: now, stampsUpdates: true)
      return nil
    }
    if deployment.spec["paused"].bool ?? false {
      conditions.set(
        "Progressing", "Unknown", reason: "DeploymentPaused", message: "Deployment is paused", now: now,
        stampsUpdates: true)
      return nil
    }
    let wasOld = field(old, "replicas") - field(old, "updatedReplicas")
    let isOld = field(status, "replicas") - field(status, "updatedReplicas")
    let progressed =
      field(status, "updatedReplicas") > field(old, "updatedReplicas") || isOld < wasOld
      || field(status, "readyReplicas") > field(old, "readyReplicas")
      || field(status, "availableReplicas") > field(old, "availableReplicas")
    let current = conditions["Progressing"]
    let isFinished = current["reason"].string == "NewReplicaSetAvailable"
    if progressed || current.isNull || (isFinished && field(old, "observedGeneration") != deployment.generation)
      || current["reason"].string == "DeploymentPaused"
    {
      conditions.remove("Progressing")
      conditions.set(
        "Progressing", "True", reason: "ReplicaSetUpdated",
        message: "ReplicaSet \"\(new.name)\" is progressing.", now: now, stampsUpdates: true)
      if current["status"].string == "True", let since = current["lastTransitionTime"].string,
        let time = Timestamp(since)
      {
        conditions.keepTransition("Progressing", time)
      }
      return Double(deadline)
    }
    // A finished rollout that loses a pod is not a rollout that fails.
    if isFinished { return nil }
    let since = (current["lastUpdateTime"].string ?? current["lastTransitionTime"].string).flatMap { Timestamp($0) }
    let left = Double(deadline) - now.since(since ?? now)
    if left > 0 { return left }
    conditions.set(
      "Progressing", "False", reason: "ProgressDeadlineExceeded",
      message: "ReplicaSet \"\(new.name)\" has timed out progressing.", now: now, stampsUpdates: true)
    return nil
  }
}
