internal import JSON

/// Defaults of pods and pod templates.
enum PodDefaults {
  static func apply(_ spec: inout JSON) {
    spec.setDefault("restartPolicy", "Always")
    spec.setDefault("terminationGracePeriodSeconds", 30)
    spec.setDefault("dnsPolicy", "ClusterFirst")
    spec.setDefault("schedulerName", "default-scheduler")
    spec.setDefault("securityContext", .object(.init()))
    if let account = spec["serviceAccountName"].string { spec["serviceAccount"] = .string(account) }
    if spec["serviceAccountName"].isNull, let account = spec["serviceAccount"].string {
      spec["serviceAccountName"] = .string(account)
    }
    let hostNetwork = spec["hostNetwork"].bool == true
    for list in ["initContainers", "containers", "ephemeralContainers"] {
      spec.updateEach(list) { container(&$0, hostNetwork: hostNetwork) }
    }
    spec.updateEach("volumes", volume)
  }

  /// What only real pods get, not templates: what admission plugins of a Kubernetes API server add.
  static func applyAdmission(_ spec: inout JSON) {
    spec.setDefault("serviceAccountName", "default")
    spec.setDefault("serviceAccount", spec["serviceAccountName"])
    spec.setDefault("enableServiceLinks", true)
    spec.setDefault("priority", 0)
    spec.setDefault("preemptionPolicy", "PreemptLowerPriority")
    var tolerations = spec["tolerations"].elements
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
      let isTolerated = tolerations.contains { toleration in
        (toleration["key"].string == key || toleration["key"].isNull)
          && (toleration["effect"].isNull || toleration["effect"].string == "NoExecute")
      }
      if !isTolerated {
        tolerations.append(
          ["key": .string(key), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300])
      }
    }
    spec["tolerations"] = .array(tolerations)
  }

  private static func container(_ container: inout JSON, hostNetwork: Bool) {
    container.setDefault("terminationMessagePath", "/dev/termination-log")
    container.setDefault("terminationMessagePolicy", "File")
    container.setDefault("imagePullPolicy", .string(pullPolicy(container["image"].string ?? "")))
    container.setDefault("resources", .object(.init()))
    container.update("resources") { resources in
      for (name, limit) in resources["limits"].members where resources["requests", name].isNull {
        resources["requests", name] = limit
      }
    }
    container.updateEach("ports") { port in
      port.setDefault("protocol", "TCP")
      if hostNetwork { port.setDefault("hostPort", port["containerPort"]) }
    }
    container.updateEach("env") { variable in
      variable.update("valueFrom") { $0.update("fieldRef") { $0.setDefault("apiVersion", "v1") } }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
      container.update(probe) { probe in
        probe.setDefault("timeoutSeconds", 1)
        probe.setDefault("periodSeconds", 10)
        probe.setDefault("successThreshold", 1)
        probe.setDefault("failureThreshold", 3)
        handler(&probe)
      }
    }
    container.update("lifecycle") { lifecycle in
      lifecycle.update("postStart", handler)
      lifecycle.update("preStop", handler)
    }
  }

  private static func handler(_ handler: inout JSON) {
    handler.update("httpGet") { get in
      if (get["path"].string ?? "").isEmpty { get["path"] = "/" }
      get.setDefault("scheme", "HTTP")
    }
    handler.update("grpc") { $0.setDefault("service", "") }
  }

  /// Always for `latest` and for no tag at all, otherwise only if the image is not there.
  private static func pullPolicy(_ image: String) -> String {
    if image.contains("@") { return "IfNotPresent" }
    let name = image.split(separator: "/").last ?? ""
    guard let colon = name.lastIndex(of: ":") else { return "Always" }
    return name[name.index(after: colon)...] == "latest" ? "Always" : "IfNotPresent"
  }

  private static func volume(_ volume: inout JSON) {
    if (volume.object?.count ?? 0) == 1 { volume["emptyDir"] = .object(.init()) }
    for source in ["configMap", "secret", "downwardAPI", "projected"] {
      volume.update(source) { $0.setDefault("defaultMode", 420) }
    }
    volume.update("hostPath") { $0.setDefault("type", "") }
  }

  /// Guaranteed: limits equal requests for both resources everywhere; BestEffort: neither anywhere.
  static func qosClass(_ spec: JSON) -> String {
    var isGuaranteed = true
    var isBestEffort = true
    for container in spec["containers"].elements + spec["initContainers"].elements {
      let limits = container["resources", "limits"]
      let requests = container["resources", "requests"]
      for name in ["cpu", "memory"] {
        if !limits[name].isNull || !requests[name].isNull { isBestEffort = false }
        if limits[name].isNull || (!requests[name].isNull && requests[name] != limits[name]) { isGuaranteed = false }
      }
    }
    return isBestEffort ? "BestEffort" : isGuaranteed ? "Guaranteed" : "Burstable"
  }
}
