internal import JSON

/// The table of pods: one word that sums a pod's state up.
enum PodTable {
  static let printer = TablePrinter(
    "Name Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*"
  ) { pod, now in
    let state = summary(pod, now)
    let addresses = pod["status", "podIPs"].elements.compactMap { $0["ip"].string }
    let gates = pod["spec", "readinessGates"].elements
    let passed = gates.filter { gate in
      pod["status", "conditions"].elements.contains {
        $0["type"] == gate["conditionType"] && $0["status"].string == "True"
      }
    }
    return [
      TablePrinters.name(pod), .string("\(state.ready)/\(state.total)"), .string(state.reason), .string(state.restarts),
      TablePrinters.age(pod, now),
      TablePrinters.text(addresses.first.map { .string($0) } ?? pod["status", "podIP"], "<none>"),
      TablePrinters.text(pod["spec", "nodeName"], "<none>"),
      TablePrinters.text(pod["status", "nominatedNodeName"], "<none>"),
      gates.isEmpty ? "<none>" : .string("\(passed.count)/\(gates.count)"),
    ]
  }

  struct Summary {
    var reason: String
    var ready = 0
    var total: Int
    var restarts = ""
  }

  static func summary(_ pod: JSON, _ now: Int) -> Summary {
    let status = pod["status"]
    let sidecars = Set(
      pod["spec", "initContainers"].elements.filter { $0["restartPolicy"].string == "Always" }.compactMap {
        $0["name"].string
      })
    var summary = Summary(
      reason: status["reason"].string ?? status["phase"].string ?? "Unknown",
      total: pod["spec", "containers"].elements.count + sidecars.count)
    var restarts = 0
    var lastRestart = 0
    func count(_ container: JSON) {
      restarts += container["restartCount"].int ?? 0
      let end = TablePrinters.seconds(container["lastState", "terminated", "finishedAt"]) ?? 0
      lastRestart = max(lastRestart, end)
    }
    let gated = status["conditions"].elements.first { $0["type"].string == "PodScheduled" }
    if gated?["reason"].string == "SchedulingGated" { summary.reason = "SchedulingGated" }
    let initializing = initState(pod, sidecars: sidecars, &summary, count)
    if !initializing {
      restarts = 0
      lastRestart = 0
      for container in status["initContainerStatuses"].elements where sidecars.contains(container["name"].string ?? "")
      {
        count(container)
      }
      var hasRunning = false
      for container in status["containerStatuses"].elements.reversed() {
        count(container)
        if let reason = reason(of: container["state"], prefix: "") {
          summary.reason = reason
        } else if container["ready"].bool == true, !container["state", "running"].isNull {
          hasRunning = true
          summary.ready += 1
        }
      }
      if summary.reason == "Completed", hasRunning {
        let isReady = status["conditions"].elements.contains {
          $0["type"].string == "Ready" && $0["status"].string == "True"
        }
        summary.reason = isReady ? "Running" : "NotReady"
      }
    }
    if !pod["metadata", "deletionTimestamp"].isNull {
      if status["reason"].string == "NodeLost" {
        summary.reason = "Unknown"
      } else if status["phase"].string != "Succeeded", status["phase"].string != "Failed" {
        summary.reason = "Terminating"
      }
    }
    summary.restarts = String(restarts)
    if restarts > 0, lastRestart > 0 { summary.restarts += " (\(HumanDuration.text(now - lastRestart)) ago)" }
    return summary
  }

  /// True while an init container keeps the others from starting.
  private static func initState(
    _ pod: JSON, sidecars: Set<String>, _ summary: inout Summary, _ count: (JSON) -> Void
  ) -> Bool {
    let specs = pod["spec", "initContainers"].elements
    for (index, container) in pod["status", "initContainerStatuses"].elements.enumerated() {
      count(container)
      let state = container["state"]
      let isSidecar = sidecars.contains(container["name"].string ?? "")
      if state["terminated", "exitCode"].int == 0 { continue }
      if isSidecar, container["started"].bool == true {
        if container["ready"].bool == true { summary.ready += 1 }
        continue
      }
      if !state["terminated"].isNull {
        summary.reason = reason(of: state, prefix: "Init:") ?? "Init:Error"
      } else if let waiting = state["waiting", "reason"].string, !waiting.isEmpty, waiting != "PodInitializing" {
        summary.reason = "Init:\(waiting)"
      } else {
        summary.reason = "Init:\(index)/\(specs.count)"
      }
      return true
    }
    return false
  }

  private static func reason(of state: JSON, prefix: String) -> String? {
    if let reason = state["waiting", "reason"].string, !reason.isEmpty { return prefix + reason }
    let terminated = state["terminated"]
    guard !terminated.isNull else { return nil }
    if let reason = terminated["reason"].string, !reason.isEmpty { return prefix + reason }
    if let signal = terminated["signal"].int, signal != 0 { return "\(prefix)Signal:\(signal)" }
    return "\(prefix)ExitCode:\(terminated["exitCode"].int ?? 0)"
  }
}
