internal import JSON
internal import Kubernetes

/// Makes a pod's `status` from what is known about it. Pure.
struct PodStatusCompiler {
  let pod: PodManifest
  let record: PodRecord
  /// The node's addresses.
  let hostAddresses: [String]
  let now: Timestamp

  /// Pending, Running, Succeeded or Failed, by the rules of kubelet's getPhase.
  var phase: String {
    let states = pod.containers.map { record.containers[$0.name] ?? ContainerRecord() }
    let isOver = states.allSatisfy { state in
      state.termination.map { !pod.restartPolicy.restarts(exitCode: $0.exitCode) || pod.isDeleted } ?? false
    }
    if isOver && !states.isEmpty {
      return states.allSatisfy { $0.termination?.exitCode == 0 } ? "Succeeded" : "Failed"
    }
    // Deleted before all of it ran: that is its end too, and whoever counts ends must see it.
    if pod.isDeleted, record.terminatingSince != nil, record.sandbox == nil, states.allSatisfy({ $0.process == nil }) {
      return "Failed"
    }
    return states.contains { !$0.hasRunEver } ? "Pending" : "Running"
  }

  /// The addresses shown: a pod on the host's network has the node's.
  var podAddresses: [String] {
    if pod.usesHostNetwork { return record.sandbox?.isReady == true ? hostAddresses : [] }
    return record.addresses
  }

  /// The whole status; `previous` is the one the API holds, whose foreign conditions and transition times stay.
  func compile(previous: JSON) -> JSON {
    let phase = self.phase
    var status: JSON = ["phase": .string(phase), "conditions": .array(conditions(phase, previous))]
    if let host = hostAddresses.first {
      status["hostIP"] = .string(host)
      status["hostIPs"] = .array(hostAddresses.map { ["ip": .string($0)] })
    }
    let addresses = podAddresses
    if let address = addresses.first {
      status["podIP"] = .string(address)
      status["podIPs"] = .array(addresses.map { ["ip": .string($0)] })
    }
    status["startTime"] = .string(record.startTime.description)
    if !pod.initContainers.isEmpty {
      status["initContainerStatuses"] = .array(
        pod.initContainers.map { $0.isSidecar ? containerStatus($0) : initStatus($0) })
    }
    status["containerStatuses"] = .array(pod.containers.map { containerStatus($0) })
    status["qosClass"] = .string(pod.qualityOfService)
    return status
  }

  private func conditions(_ phase: String, _ previous: JSON) -> [JSON] {
    let unready = pod.containers.filter { record.containers[$0.name]?.isReady != true }.map(\.name)
    let isOver = phase == "Succeeded" || phase == "Failed"
    let containersReady: (Bool, String?, String?)
    if isOver {
      containersReady = (false, phase == "Succeeded" ? "PodCompleted" : "PodFailed", nil)
    } else if unready.isEmpty {
      containersReady = (true, nil, nil)
    } else {
      containersReady = (
        false, "ContainersNotReady", "containers with unready status: [\(unready.joined(separator: " "))]"
      )
    }
    var ready = containersReady
    let gates = pod.object["spec", "readinessGates"].elements.compactMap { $0["conditionType"].string }
    if ready.0 {
      let held = previous["conditions"].elements
      let missing = gates.filter { gate in
        !held.contains { $0["type"].string == gate && $0["status"].string == "True" }
      }
      if !missing.isEmpty {
        ready = (
          false, "ReadinessGatesNotReady", "readiness gates not fulfilled: [\(missing.joined(separator: " "))]"
        )
      }
    }
    let initialized =
      record.initCompletedAt != nil || pod.initContainers.isEmpty
      ? (true, nil, nil)
      : (
        false, "ContainersNotInitialized",
        "containers with incomplete status: [\(pod.initContainers.map(\.name).joined(separator: " "))]" as String?
      )
    let sandboxReady = record.sandbox?.isReady == true
    let own: [(String, (Bool, String?, String?))] = [
      ("PodReadyToStartContainers", (sandboxReady, nil, nil)), ("Initialized", initialized), ("Ready", ready),
      ("ContainersReady", containersReady), ("PodScheduled", (true, nil, nil)),
    ]
    var conditions = own.map { type, value in condition(type, value, previous) }
    for foreign in previous["conditions"].elements where !own.contains(where: { $0.0 == foreign["type"].string }) {
      conditions.append(foreign)
    }
    return conditions
  }

  private func condition(_ type: String, _ value: (Bool, String?, String?), _ previous: JSON) -> JSON {
    let status: JSON = .string(value.0 ? "True" : "False")
    let before = previous["conditions"].elements.first { $0["type"].string == type } ?? .null
    var condition: JSON = ["type": .string(type), "status": status]
    condition["lastTransitionTime"] =
      before["status"] == status && before["lastTransitionTime"].string != nil
      ? before["lastTransitionTime"] : .string(now.description)
    if let reason = value.1 { condition["reason"] = .string(reason) }
    if let message = value.2 { condition["message"] = .string(message) }
    return condition
  }

  private func containerStatus(_ container: ContainerManifest) -> JSON {
    let record = self.record.containers[container.name] ?? ContainerRecord()
    var status: JSON = [
      "name": .string(container.name), "image": .string(container.image), "imageID": .string(container.image),
      "restartCount": .int(Int64(record.restartCount)), "ready": .bool(record.isReady),
      "started": .bool(record.isStarted && record.process != nil), "lastState": [:], "state": [:],
    ]
    if !record.containerID.isEmpty { status["containerID"] = .string("swiftlet://\(record.containerID)") }
    switch record.state {
    case .starting: status["state", "waiting"] = ["reason": "ContainerCreating"]
    case .waiting(let reason, let message):
      status["state", "waiting"] = ["reason": .string(reason)]
      if let message { status["state", "waiting", "message"] = .string(message) }
    case .running(_, let since): status["state", "running"] = ["startedAt": .string(since.description)]
    case .terminated(let termination): status["state", "terminated"] = json(termination)
    }
    if let last = record.last { status["lastState", "terminated"] = json(last) }
    return status
  }

  /// An init container completes at once: what it would prepare, no stand-in needs.
  private func initStatus(_ container: ContainerManifest) -> JSON {
    var status: JSON = [
      "name": .string(container.name), "image": .string(container.image), "imageID": .string(container.image),
      "restartCount": 0, "ready": .bool(record.initCompletedAt != nil), "started": false, "lastState": [:],
    ]
    if let time = record.initCompletedAt {
      status["state", "terminated"] = [
        "exitCode": 0, "reason": "Completed", "startedAt": .string(time.description),
        "finishedAt": .string(time.description),
        "message": "not run: in the lab an init container completes at once",
      ]
    } else {
      status["state", "waiting"] = ["reason": "PodInitializing"]
    }
    return status
  }

  private func json(_ termination: ContainerRecord.Termination) -> JSON {
    var json: JSON = [
      "exitCode": .int(Int64(termination.exitCode)), "reason": .string(termination.reason),
      "startedAt": .string(termination.startedAt.description),
      "finishedAt": .string(termination.finishedAt.description),
      "containerID": .string("swiftlet://\(termination.containerID)"),
    ]
    if let signal = termination.signal { json["signal"] = .int(Int64(signal)) }
    if let message = termination.message { json["message"] = .string(message) }
    return json
  }

  /// The strategic merge patch from one status to another; nil if nothing changed. The object must still be this pod.
  static func patch(from previous: JSON, to status: JSON, uid: String) -> JSON? {
    var changes = JSON.Object()
    for member in status.members where previous[member.key] != member.value {
      switch member.key {
      case "podIPs", "hostIPs":
        // Merged by address: what is gone must be named.
        let kept = Set(member.value.elements.compactMap { $0["ip"].string })
        let gone = previous[member.key].elements.compactMap { $0["ip"].string }.filter { !kept.contains($0) }
        changes[member.key] = .array(
          member.value.elements + gone.map { ["$patch": "delete", "ip": .string($0)] })
      case "conditions":
        // Merged by type; ours only, for others may change theirs meanwhile.
        let changed = member.value.elements.filter { !previous["conditions"].elements.contains($0) }
        if !changed.isEmpty { changes[member.key] = .array(changed.map { withoutStaleFields($0, previous) }) }
      default: changes[member.key] = member.value
      }
    }
    for key in ["podIP", "podIPs"] where status[key].isNull && !previous[key].isNull {
      changes[key] = .null
    }
    if changes.isEmpty { return nil }
    return ["metadata": ["uid": .string(uid)], "status": .object(changes)]
  }

  /// A merged condition keeps fields that the new one lacks; null removes them.
  private static func withoutStaleFields(_ condition: JSON, _ previous: JSON) -> JSON {
    let before = previous["conditions"].elements.first { $0["type"] == condition["type"] } ?? .null
    var members = condition.members
    for key in ["reason", "message"] where condition[key].isNull && !before[key].isNull { members.append((key, .null)) }
    return .object(JSON.Object(members))
  }
}
