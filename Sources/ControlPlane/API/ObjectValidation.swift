internal import JSON

/// What makes an object unacceptable, whoever wrote it (the validation of the published API, with its words).
enum ObjectValidation {
  static func faults(_ object: JSON, kind: ResourceKind) -> [FieldFault] {
    var collector = FaultCollector()
    metadata(object["metadata"], kind: kind, &collector)
    switch (kind.group, kind.plural) {
    case ("", "pods"): PodValidation.check(object["spec"], "spec", &collector)
    case ("", "services"): ServiceValidation.check(object, &collector)
    case ("", "configmaps"), ("", "secrets"): data(object, &collector)
    case ("", "endpoints"): NetworkValidation.endpoints(object, &collector)
    case ("", "events"): event(object, &collector)
    case ("apps", _), ("", "replicationcontrollers"), ("batch", _):
      WorkloadValidation.check(object, kind: kind, &collector)
    case ("discovery.k8s.io", _): NetworkValidation.endpointSlice(object, &collector)
    case ("networking.k8s.io", "networkpolicies"): NetworkValidation.policy(object["spec"], &collector)
    case ("networking.k8s.io", "ingresses"): NetworkValidation.ingress(object["spec"], &collector)
    case ("networking.k8s.io", "ingressclasses"):
      if (object["spec", "controller"].string ?? "").isEmpty { collector.add(.required("spec.controller")) }
    case ("swiftlet.dev", _): LoadBalancerPoolValidation.check(object["spec"], &collector)
    case ("networking.k8s.io", "servicecidrs"): ServiceRangeValidation.range(object["spec"], &collector)
    case ("networking.k8s.io", "ipaddresses"): ServiceRangeValidation.address(object["spec"], &collector)
    case ("rbac.authorization.k8s.io", "rolebindings"), ("rbac.authorization.k8s.io", "clusterrolebindings"):
      if (object["roleRef", "name"].string ?? "").isEmpty { collector.add(.required("roleRef.name")) }
    case ("policy", _):
      if !object["spec", "minAvailable"].isNull, !object["spec", "maxUnavailable"].isNull {
        collector.add(
          .invalid("spec", object["spec"], "minAvailable and maxUnavailable cannot be both set"))
      }
    default: break
    }
    return collector.faults
  }

  /// The rule for names of a kind.
  private static func rule(_ kind: ResourceKind) -> (String) -> String? {
    switch (kind.group, kind.plural) {
    case ("", "services"): NameRules.label1035
    case ("", "namespaces"): NameRules.label
    case ("networking.k8s.io", "ipaddresses"): ServiceRangeValidation.addressName
    case ("rbac.authorization.k8s.io", _): NameRules.pathSegment
    default: NameRules.subdomain
    }
  }

  private static func metadata(_ metadata: JSON, kind: ResourceKind, _ collector: inout FaultCollector) {
    if let name = metadata["name"].string, !name.isEmpty {
      if let reason = rule(kind)(name) { collector.add(.invalid("metadata.name", .string(name), reason)) }
    } else {
      collector.add(.required("metadata.name", "name or generateName is required"))
    }
    collector.labels(metadata["labels"], "metadata.labels")
    var size = 0
    for (key, value) in metadata["annotations"].members {
      if let reason = NameRules.qualifiedName(key.lowercased()) {
        collector.add(.invalid("metadata.annotations", .string(key), reason))
      }
      size += key.utf8.count + (value.string ?? "").utf8.count
    }
    if size > 262_144 { collector.add(.tooLong("metadata.annotations", 262_144)) }
    for (index, owner) in metadata["ownerReferences"].elements.enumerated() {
      for field in ["apiVersion", "kind", "name", "uid"] where (owner[field].string ?? "").isEmpty {
        collector.add(.invalid("metadata.ownerReferences[\(index)].\(field)", "", "\(field) must not be empty"))
      }
    }
    if metadata["ownerReferences"].elements.filter({ $0["controller"].bool == true }).count > 1 {
      collector.add(
        .invalid(
          "metadata.ownerReferences", metadata["ownerReferences"],
          "Only one reference can have Controller set to true"))
    }
    for finalizer in metadata["finalizers"].elements {
      if let reason = NameRules.qualifiedName(finalizer.string ?? "") {
        collector.add(.invalid("metadata.finalizers", finalizer, reason))
      }
    }
  }

  private static func data(_ object: JSON, _ collector: inout FaultCollector) {
    var size = 0
    for list in ["data", "binaryData"] {
      for (key, value) in object[list].members {
        if let reason = NameRules.dataKey(key) { collector.add(.invalid("\(list)[\(key)]", .string(key), reason)) }
        size += (value.string ?? "").utf8.count
      }
    }
    if size > 1_048_576 { collector.add(.tooLong("data", 1_048_576)) }
  }

  private static func event(_ object: JSON, _ collector: inout FaultCollector) {
    let about = object["involvedObject", "namespace"].string ?? ""
    let namespace = object["metadata", "namespace"].string ?? ""
    // Events of cluster objects live in the default namespace.
    if !about.isEmpty ? about != namespace : namespace != "default" {
      collector.add(
        .invalid("involvedObject.namespace", .string(about), "does not match event.namespace"))
    }
  }
}
