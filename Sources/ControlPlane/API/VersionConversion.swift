internal import JSON

/// Objects that several versions or groups show differently. Events are stored as `v1` has them and shown by
/// `events.k8s.io/v1` too; HorizontalPodAutoscalers are stored as `autoscaling/v2` and shown by `autoscaling/v1` too;
/// EndpointSlices are stored as `discovery.k8s.io/v1` and shown by `v1beta1` too.
enum VersionConversion {
  private static let eventNames = [
    ("involvedObject", "regarding"), ("message", "note"), ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
  ]

  private static func isEvent(_ kind: ResourceKind) -> Bool { kind.group == "events.k8s.io" }
  private static func isOldSlice(_ kind: ResourceKind) -> Bool { kind.apiVersion == "discovery.k8s.io/v1beta1" }
  private static func isOldAutoscaler(_ kind: ResourceKind) -> Bool { kind.apiVersion == "autoscaling/v1" }

  /// True if this version differs from what is stored.
  static func isConverted(_ kind: ResourceKind) -> Bool {
    isEvent(kind) || isOldAutoscaler(kind) || isOldSlice(kind)
  }

  static func outgoing(_ value: JSON, kind: ResourceKind) -> JSON {
    if isEvent(kind) { return rename(value, Dictionary(uniqueKeysWithValues: eventNames)) }
    if isOldAutoscaler(kind) { return oldAutoscaler(value) }
    if isOldSlice(kind) { return slice(value, endpoint: oldEndpoint) }
    return value
  }

  static func incoming(_ value: JSON, kind: ResourceKind) -> JSON {
    if isEvent(kind) { return rename(value, Dictionary(uniqueKeysWithValues: eventNames.map { ($1, $0) })) }
    if isOldAutoscaler(kind) { return newAutoscaler(value) }
    if isOldSlice(kind) { return slice(value, endpoint: newEndpoint) }
    return value
  }

  private static let zoneLabel = "topology.kubernetes.io/zone"
  private static let nodeLabel = "kubernetes.io/hostname"

  private static func slice(_ value: JSON, endpoint: (inout JSON) -> Void) -> JSON {
    var value = value
    value.updateEach("endpoints", endpoint)
    return value
  }

  /// The first version tells node and zone in a map.
  private static func oldEndpoint(_ endpoint: inout JSON) {
    var topology = endpoint["deprecatedTopology"]
    if let zone = endpoint["zone"].string { topology[zoneLabel] = .string(zone) }
    if let node = endpoint["nodeName"].string { topology[nodeLabel] = .string(node) }
    endpoint["deprecatedTopology"] = .null
    endpoint["zone"] = .null
    endpoint["topology"] = topology
  }

  private static func newEndpoint(_ endpoint: inout JSON) {
    var topology = endpoint["topology"]
    endpoint["topology"] = .null
    endpoint["zone"] = topology[zoneLabel]
    if endpoint["nodeName"].isNull { endpoint["nodeName"] = topology[nodeLabel] }
    topology[zoneLabel] = .null
    topology[nodeLabel] = .null
    endpoint["deprecatedTopology"] = topology.object?.isEmpty == false ? topology : .null
  }

  private static func rename(_ value: JSON, _ names: [String: String]) -> JSON {
    .object(JSON.Object(value.members.map { (names[$0.key] ?? $0.key, $0.value) }))
  }

  private static func isCPU(_ metric: JSON) -> Bool {
    metric["type"].string == "Resource" && metric["resource", "name"].string == "cpu"
      && metric["resource", "target", "type"].string == "Utilization"
  }

  /// The first version knows one metric, the share of the requested CPU.
  private static func oldAutoscaler(_ value: JSON) -> JSON {
    var value = value
    let target = value["spec", "metrics"].elements.first(where: isCPU)?["resource", "target", "averageUtilization"]
    value["spec", "metrics"] = .null
    value["spec", "targetCPUUtilizationPercentage"] = target ?? .null
    let current = value["status", "currentMetrics"].elements.first { $0["resource", "name"].string == "cpu" }
    value["status", "currentMetrics"] = .null
    value["status", "conditions"] = .null
    value["status", "currentCPUUtilizationPercentage"] = current?["resource", "current", "averageUtilization"] ?? .null
    return value
  }

  private static func newAutoscaler(_ value: JSON) -> JSON {
    var value = value
    let target = value["spec", "targetCPUUtilizationPercentage"]
    value["spec", "targetCPUUtilizationPercentage"] = .null
    guard !target.isNull else { return value }
    value["spec", "metrics"] = [
      [
        "type": "Resource",
        "resource": ["name": "cpu", "target": ["type": "Utilization", "averageUtilization": target]],
      ]
    ]
    return value
  }
}
