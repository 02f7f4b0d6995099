internal import JSON
internal import Kubernetes

/// The columns people know, kind by kind.
enum TablePrinters {
  static func printer(_ kind: ResourceKind) -> TablePrinter {
    switch (kind.group, kind.plural) {
    case ("", "pods"): PodTable.printer
    case ("", "services"): ServiceTable.printer
    case ("", "nodes"): NodeTable.printer
    case ("", "namespaces"):
      TablePrinter("Name Status Age") { [name($0), text($0["status", "phase"]), age($0, $1)] }
    case ("", "configmaps"):
      TablePrinter("Name Data# Age") { object, now in
        [name(object), count(object["data"], object["binaryData"]), age(object, now)]
      }
    case ("", "secrets"):
      TablePrinter("Name Type Data# Age") { object, now in
        [name(object), text(object["type"]), count(object["data"]), age(object, now)]
      }
    case ("", "serviceaccounts"):
      TablePrinter("Name Secrets# Age") { object, now in
        [name(object), .int(Int64(object["secrets"].elements.count)), age(object, now)]
      }
    case ("", "endpoints"): EndpointTable.endpoints
    case ("", "persistentvolumeclaims"), ("", "persistentvolumes"), ("storage.k8s.io", _): StorageTable.printer(kind)
    case (_, "events"): EventTable.printer
    case ("discovery.k8s.io", _): EndpointTable.slices
    case ("networking.k8s.io", _): NetworkTable.printer(kind)
    case ("swiftlet.dev", _):
      TablePrinter("Name Addresses Total# Used# Available# Age") { object, now in
        let status = object["status"]
        return [
          name(object), joined(object["spec", "addresses"].elements.compactMap(\.string)), number(status["total"]),
          number(status["used"]), number(status["available"]), age(object, now),
        ]
      }
    case ("apps", _), ("batch", _), ("", "replicationcontrollers"), ("autoscaling", _): WorkloadTable.printer(kind)
    case ("coordination.k8s.io", _):
      TablePrinter("Name Holder Age") { [name($0), text($0["spec", "holderIdentity"]), age($0, $1)] }
    case ("rbac.authorization.k8s.io", "roles"), ("rbac.authorization.k8s.io", "clusterroles"):
      TablePrinter("Name Created_At") { object, _ in [name(object), text(object["metadata", "creationTimestamp"])] }
    case ("rbac.authorization.k8s.io", _):
      TablePrinter("Name Role Age") { object, now in
        [
          name(object), .string("\(object["roleRef", "kind"].string ?? "")/\(object["roleRef", "name"].string ?? "")"),
          age(object, now),
        ]
      }
    case ("policy", _):
      TablePrinter("Name Min_Available Max_Unavailable Allowed_Disruptions# Age") { object, now in
        [
          name(object), scalar(object["spec", "minAvailable"], "N/A"), scalar(object["spec", "maxUnavailable"], "N/A"),
          number(object["status", "disruptionsAllowed"]), age(object, now),
        ]
      }
    case ("scheduling.k8s.io", _):
      TablePrinter("Name Value# Global-Default Age") { object, now in
        [
          name(object), number(object["value"]), object["globalDefault"].bool == true ? "true" : "false",
          age(object, now),
        ]
      }
    default:
      TablePrinter("Name Created_At") { object, _ in [name(object), text(object["metadata", "creationTimestamp"])] }
    }
  }

  static func name(_ object: JSON) -> JSON { object["metadata", "name"] }

  static func age(_ object: JSON, _ now: Int) -> JSON { since(object["metadata", "creationTimestamp"], now) }

  /// Seconds since 1970 of a time of the API; nil where there is none.
  static func seconds(_ time: JSON) -> Int? { time.string.flatMap { Timestamp($0) }.map { Int($0.seconds) } }

  static func since(_ time: JSON, _ now: Int) -> JSON {
    guard let seconds = Self.seconds(time) else { return "<unknown>" }
    return .string(HumanDuration.text(now - seconds))
  }

  static func text(_ value: JSON, _ missing: String = "") -> JSON {
    guard let text = value.string, !text.isEmpty else { return .string(missing) }
    return .string(text)
  }

  /// A string or a number.
  static func scalar(_ value: JSON, _ missing: String) -> JSON {
    if let number = value.int { return .string(String(number)) }
    return text(value, missing)
  }

  static func number(_ value: JSON) -> JSON { .int(Int64(value.int ?? 0)) }

  static func count(_ maps: JSON...) -> JSON { .int(Int64(maps.reduce(0) { $0 + ($1.object?.count ?? 0) })) }

  static func joined(_ parts: [String]) -> JSON { parts.isEmpty ? "<none>" : .string(parts.joined(separator: ",")) }

  /// A `LabelSelector` object, or a plain map, as text.
  static func selector(_ value: JSON, isMap: Bool = false) -> JSON {
    let text = LabelSelectorText.text(of: value, isMap: isMap)
    return .string(text.isEmpty ? "<none>" : text)
  }
}
