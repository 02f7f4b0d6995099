internal import JSON

/// What may not change once an object exists.
enum UpdateValidation {
  private static let immutable = "field is immutable"

  static func faults(_ object: JSON, old: JSON, kind: ResourceKind) -> [FieldFault] {
    var collector = FaultCollector()
    func keep(_ path: [String]) {
      let value = path.reduce(object) { $0[$1] }
      if value != path.reduce(old, { $0[$1] }) {
        collector.add(.invalid(path.joined(separator: "."), value, immutable))
      }
    }
    if !old["metadata", "deletionTimestamp"].isNull {
      let before = old["metadata", "finalizers"].elements
      let added = object["metadata", "finalizers"].elements.filter { !before.contains($0) }
      if !added.isEmpty {
        let names = added.map { "\($0)" }.joined(separator: ", ")
        collector.add(
          .forbidden(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(names)}"))
      }
    }
    switch (kind.group, kind.plural) {
    case ("apps", "deployments"), ("apps", "replicasets"), ("apps", "daemonsets"): keep(["spec", "selector"])
    case ("apps", "statefulsets"): statefulSet(object["spec"], old["spec"], &collector)
    case ("batch", "jobs"): for field in ["selector", "template", "completionMode"] { keep(["spec", field]) }
    case ("apps", "controllerrevisions"): keep(["data"])
    case ("discovery.k8s.io", _): keep(["addressType"])
    case ("networking.k8s.io", "servicecidrs"):
      ServiceRangeValidation.changed(object["spec"], from: old["spec"], &collector)
    case ("networking.k8s.io", "ipaddresses"): keep(["spec", "parentRef"])
    case ("", "pods"): pod(object["spec"], old["spec"], &collector)
    case ("", "services"): service(object["spec"], old["spec"], &collector)
    case ("", "secrets"):
      keep(["type"])
      data(object, old, &collector)
    case ("", "configmaps"): data(object, old, &collector)
    case ("", "nodes"):
      if !old["spec", "podCIDR"].isNull, object["spec", "podCIDR"] != old["spec", "podCIDR"] {
        collector.add(
          .forbidden("spec.podCIDR", "node updates may not change podCIDR except from \"\" to valid"))
      }
    case ("rbac.authorization.k8s.io", "rolebindings"), ("rbac.authorization.k8s.io", "clusterrolebindings"):
      if object["roleRef"] != old["roleRef"] {
        collector.add(.invalid("roleRef", object["roleRef"], "cannot change roleRef"))
      }
    case ("storage.k8s.io", _):
      for field in ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"] where object[field] != old[field]
      {
        collector.add(.forbidden(field, "updates to \(field) are forbidden."))
      }
    default: break
    }
    return collector.faults
  }

  private static func statefulSet(_ spec: JSON, _ old: JSON, _ collector: inout FaultCollector) {
    let mutable: Set = [
      "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
      "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    ]
    func rest(_ value: JSON) -> JSON { .object(JSON.Object(value.members.filter { !mutable.contains($0.key) })) }
    if rest(spec) != rest(old) {
      collector.add(
        .forbidden(
          "spec",
          "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
            + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"))
    }
  }

  /// Of a pod only images, the deadline, more tolerations, a shorter grace period and gone scheduling gates may change.
  private static func pod(_ spec: JSON, _ old: JSON, _ collector: inout FaultCollector) {
    func rest(_ value: JSON) -> JSON {
      var value = value
      for list in ["containers", "initContainers"] { value.updateEach(list) { $0["image"] = .null } }
      for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"] {
        value[field] = .null
      }
      return value
    }
    if rest(spec) != rest(old) {
      collector.add(
        .forbidden(
          "spec",
          "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"))
    }
  }

  private static func service(_ spec: JSON, _ old: JSON, _ collector: inout FaultCollector) {
    guard spec["type"].string != "ExternalName", old["type"].string != "ExternalName" else { return }
    // A list that disagrees with clusterIP is another fault; the families' rules are ServiceFamilies'.
    let before = old["clusterIP"].string ?? ""
    if !before.isEmpty, spec["clusterIP"].string != before {
      collector.add(.invalid("spec.clusterIPs[0]", spec["clusterIPs"], "may not change once set"))
    }
  }

  private static func data(_ object: JSON, _ old: JSON, _ collector: inout FaultCollector) {
    guard old["immutable"].bool == true else { return }
    for field in ["immutable", "data", "binaryData"] where object[field] != old[field] {
      collector.add(.forbidden(field, "field is immutable when `immutable` is set"))
    }
  }
}
