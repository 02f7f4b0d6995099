internal import JSON
internal import Kubernetes

/// Faults of what makes pods.
enum WorkloadValidation {
  static func check(_ object: JSON, kind: ResourceKind, _ collector: inout FaultCollector) {
    let spec = object["spec"]
    switch kind.plural {
    case "controllerrevisions": return
    case "cronjobs":
      if (spec["schedule"].string ?? "").isEmpty { collector.add(.required("spec.schedule")) }
      collector.oneOf(spec["concurrencyPolicy"], "spec.concurrencyPolicy", ["Allow", "Forbid", "Replace"])
      let template = spec["jobTemplate", "spec", "template"]
      check(template: template, "spec.jobTemplate.spec.template", ["OnFailure", "Never"], &collector)
      return
    case "jobs":
      check(template: spec["template"], "spec.template", ["OnFailure", "Never"], &collector)
      for field in ["parallelism", "completions", "backoffLimit"] {
        collector.notNegative(spec[field], "spec.\(field)")
      }
      return
    default: break
    }
    collector.notNegative(spec["replicas"], "spec.replicas")
    collector.notNegative(spec["minReadySeconds"], "spec.minReadySeconds")
    collector.notNegative(spec["revisionHistoryLimit"], "spec.revisionHistoryLimit")
    let labels = spec["template", "metadata", "labels"]
    if kind.group.isEmpty {
      let matches = spec["selector"].members.allSatisfy { labels[$0.key] == $0.value }
      if !matches { mismatch(labels, &collector) }
    } else if spec["selector"].isNull {
      collector.add(.required("spec.selector"))
      collector.add(
        .invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
    } else {
      collector.labelSelector(spec["selector"], "spec.selector")
      if spec["selector"].object?.isEmpty == true {
        collector.add(.invalid("spec.selector", spec["selector"], "empty selector is invalid for \(kind.singular)"))
      }
      if (try? LabelSelector(decoding: spec["selector"]))?.matches(labels) != true { mismatch(labels, &collector) }
    }
    if kind.plural == "deployments" { strategy(spec["strategy"], &collector) }
    // A StatefulSet's claims become volumes of its pods.
    let claims = Set(spec["volumeClaimTemplates"].elements.compactMap { $0["metadata", "name"].string })
    check(template: spec["template"], "spec.template", ["Always"], claims: claims, &collector)
  }

  private static func mismatch(_ labels: JSON, _ collector: inout FaultCollector) {
    collector.add(
      .invalid(
        "spec.template.metadata.labels", labels.isNull ? .object(.init()) : labels,
        "`selector` does not match template `labels`"))
  }

  private static func strategy(_ strategy: JSON, _ collector: inout FaultCollector) {
    let type = strategy["type"].string
    collector.oneOf(strategy["type"], "spec.strategy.type", ["Recreate", "RollingUpdate"])
    if type == "Recreate", !strategy["rollingUpdate"].isNull {
      collector.add(
        .forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"))
    }
    let parameters = strategy["rollingUpdate"]
    func isZero(_ value: JSON) -> Bool { value == 0 || value == "0%" }
    if type == "RollingUpdate", isZero(parameters["maxSurge"]), isZero(parameters["maxUnavailable"]) {
      collector.add(
        .invalid(
          "spec.strategy.rollingUpdate.maxUnavailable", parameters["maxUnavailable"],
          "may not be 0 when `maxSurge` is 0"))
    }
    for field in ["maxSurge", "maxUnavailable"] {
      if let text = parameters[field].string, Int(text.dropLast()) == nil || !text.hasSuffix("%") {
        collector.add(
          .invalid(
            "spec.strategy.rollingUpdate.\(field)", parameters[field],
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
              + "used for validation is '[0-9]+%')"))
      }
    }
  }

  private static func check(
    template: JSON, _ path: String, _ restartPolicies: [String], claims: Set<String> = [],
    _ collector: inout FaultCollector
  ) {
    if template.isNull || template["spec"].isNull {
      return collector.add(.required("\(path).spec.containers"))
    }
    collector.labels(template["metadata", "labels"], "\(path).metadata.labels")
    PodValidation.check(template["spec"], "\(path).spec", claims: claims, &collector)
    let policy = template["spec", "restartPolicy"]
    if let text = policy.string, ["Always", "OnFailure", "Never"].contains(text), !restartPolicies.contains(text) {
      collector.add(.notSupported("\(path).spec.restartPolicy", policy, restartPolicies))
    }
  }
}
