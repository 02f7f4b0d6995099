internal import JSON

/// Tables of what makes pods.
enum WorkloadTable {
  static func printer(_ kind: ResourceKind) -> TablePrinter {
    let isMap = kind.group.isEmpty
    @Sendable func pods(_ object: JSON) -> [JSON] {
      let containers = object["spec", "template", "spec", "containers"].elements
      return [
        TablePrinters.joined(containers.compactMap { $0["name"].string }),
        TablePrinters.joined(containers.compactMap { $0["image"].string }),
      ]
    }
    @Sendable func withSelector(_ object: JSON) -> [JSON] {
      pods(object) + [TablePrinters.selector(object["spec", "selector"], isMap: isMap)]
    }
    @Sendable func number(_ object: JSON, _ field: String) -> JSON { TablePrinters.number(object["status", field]) }
    @Sendable func fraction(_ object: JSON) -> JSON {
      .string("\(object["status", "readyReplicas"].int ?? 0)/\(object["spec", "replicas"].int ?? 0)")
    }
    @Sendable func name(_ object: JSON) -> JSON { TablePrinters.name(object) }
    @Sendable func age(_ object: JSON, _ now: Int) -> JSON { TablePrinters.age(object, now) }
    switch kind.plural {
    case "deployments":
      return TablePrinter("Name Ready Up-to-date# Available# Age Containers* Images* Selector*") { object, now in
        [
          name(object), fraction(object), number(object, "updatedReplicas"), number(object, "availableReplicas"),
          age(object, now),
        ] + withSelector(object)
      }
    case "replicasets", "replicationcontrollers":
      return TablePrinter("Name Desired# Current# Ready# Age Containers* Images* Selector*") { object, now in
        [
          name(object), TablePrinters.number(object["spec", "replicas"]), number(object, "replicas"),
          number(object, "readyReplicas"), age(object, now),
        ] + withSelector(object)
      }
    case "statefulsets":
      return TablePrinter("Name Ready Age Containers* Images*") { object, now in
        [name(object), fraction(object), age(object, now)] + pods(object)
      }
    case "daemonsets":
      return TablePrinter(
        "Name Desired# Current# Ready# Up-to-date# Available# Node_Selector Age Containers* Images* Selector*"
      ) { object, now in
        [
          name(object), number(object, "desiredNumberScheduled"), number(object, "currentNumberScheduled"),
          number(object, "numberReady"), number(object, "updatedNumberScheduled"), number(object, "numberAvailable"),
          TablePrinters.selector(object["spec", "template", "spec", "nodeSelector"], isMap: true), age(object, now),
        ] + withSelector(object)
      }
    case "controllerrevisions":
      return TablePrinter("Name Controller Revision# Age") { object, now in
        let owner = object["metadata", "ownerReferences"].elements.first { $0["controller"].bool == true }
        let text = owner.map { "\(($0["kind"].string ?? "").lowercased()).apps/\($0["name"].string ?? "")" } ?? "<none>"
        return [name(object), .string(text), TablePrinters.number(object["revision"]), age(object, now)]
      }
    case "jobs":
      return TablePrinter("Name Status Completions Duration Age Containers* Images* Selector*") { object, now in
        [
          name(object), .string(jobStatus(object)), .string(completions(object)), .string(duration(object, now)),
          age(object, now),
        ]
          + withSelector(object)
      }
    case "cronjobs":
      return TablePrinter("Name Schedule Timezone Suspend Active# Last_Schedule Age") { object, now in
        let last = object["status", "lastScheduleTime"]
        return [
          name(object), TablePrinters.text(object["spec", "schedule"]),
          TablePrinters.text(object["spec", "timeZone"], "<none>"),
          object["spec", "suspend"].bool == true ? "True" : "False",
          .int(Int64(object["status", "active"].elements.count)),
          last.isNull ? "<none>" : TablePrinters.since(last, now), age(object, now),
        ]
      }
    default:
      return TablePrinter("Name Reference MinPods MaxPods# Replicas# Age") { object, now in
        let target = object["spec", "scaleTargetRef"]
        return [
          name(object), .string("\(target["kind"].string ?? "")/\(target["name"].string ?? "")"),
          TablePrinters.scalar(object["spec", "minReplicas"], "<unset>"),
          TablePrinters.number(object["spec", "maxReplicas"]), number(object, "currentReplicas"), age(object, now),
        ]
      }
    }
  }

  private static func jobStatus(_ job: JSON) -> String {
    func holds(_ type: String) -> Bool {
      job["status", "conditions"].elements.contains { $0["type"].string == type && $0["status"].string == "True" }
    }
    if holds("Complete") { return "Complete" }
    if holds("Failed") { return "Failed" }
    if !job["metadata", "deletionTimestamp"].isNull { return "Terminating" }
    return holds("Suspended") ? "Suspended" : "Running"
  }

  private static func completions(_ job: JSON) -> String {
    let succeeded = job["status", "succeeded"].int ?? 0
    if let wanted = job["spec", "completions"].int { return "\(succeeded)/\(wanted)" }
    let parallelism = job["spec", "parallelism"].int ?? 1
    return parallelism > 1 ? "\(succeeded)/1 of \(parallelism)" : "\(succeeded)/1"
  }

  private static func duration(_ job: JSON, _ now: Int) -> String {
    guard let start = TablePrinters.seconds(job["status", "startTime"]) else { return "" }
    let end = TablePrinters.seconds(job["status", "completionTime"]) ?? now
    return HumanDuration.text(end - start)
  }
}
