internal import JSON
internal import Kubernetes

/// What the API fills in where a client left something out (the defaults of the published API reference).
enum ObjectDefaults {
  /// Brings a new object into its first state: nothing but the server and controllers says what its status is.
  static func prepareForCreate(_ object: inout JSON, kind: ResourceKind) {
    if kind.subresources.contains(.status), kind.plural != "nodes" { object["status"] = .null }
    switch kind.plural {
    case "namespaces":
      object["spec", "finalizers"] = ["kubernetes"]
      object["status"] = ["phase": "Active"]
    case "pods": object["status"] = ["phase": "Pending", "qosClass": .string(PodDefaults.qosClass(object["spec"]))]
    case "services": object["status"] = ["loadBalancer": [:]]
    case "persistentvolumes", "persistentvolumeclaims": object["status"] = ["phase": "Pending"]
    case "deployments", "replicasets", "statefulsets", "daemonsets", "ingresses", "jobs", "cronjobs":
      object["status"] = kind.plural == "ingresses" ? ["loadBalancer": [:]] : [:]
    default: break
    }
  }

  /// Fills in defaults, on every write.
  static func apply(_ object: inout JSON, kind: ResourceKind) {
    switch (kind.group, kind.plural) {
    case ("", "namespaces"):
      object["metadata", "labels", "kubernetes.io/metadata.name"] = object["metadata", "name"]
    case ("", "pods"):
      object.update("spec") { spec in
        PodDefaults.apply(&spec)
        PodDefaults.applyAdmission(&spec)
      }
    case ("", "services"): service(&object)
    case ("", "secrets"): secret(&object)
    case ("", "endpoints"):
      object.updateEach("subsets") { subset in subset.updateEach("ports") { $0.setDefault("protocol", "TCP") } }
    case ("", "persistentvolumes"):
      object.setDefault("spec", [:])
      object.update("spec") { spec in
        spec.setDefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setDefault("volumeMode", "Filesystem")
      }
    case ("", "persistentvolumeclaims"): object.update("spec") { $0.setDefault("volumeMode", "Filesystem") }
    case ("discovery.k8s.io", _):
      object.updateEach("ports") { port in
        port.setDefault("protocol", "TCP")
        port.setDefault("name", "")
      }
    case ("networking.k8s.io", "networkpolicies"): networkPolicy(&object)
    case ("storage.k8s.io", _):
      object.setDefault("reclaimPolicy", "Delete")
      object.setDefault("volumeBindingMode", "Immediate")
    case ("autoscaling", _): object.update("spec") { $0.setDefault("minReplicas", 1) }
    case ("rbac.authorization.k8s.io", _):
      object.update("roleRef") { $0.setDefault("apiGroup", "rbac.authorization.k8s.io") }
      object.updateEach("subjects") { subject in
        if subject["kind"].string != "ServiceAccount" { subject.setDefault("apiGroup", "rbac.authorization.k8s.io") }
      }
    default: WorkloadDefaults.apply(&object, kind: kind)
    }
  }

  private static func service(_ object: inout JSON) {
    object.setDefault("spec", [:])
    object.update("spec") { spec in
      spec.setDefault("type", "ClusterIP")
      spec.setDefault("sessionAffinity", "None")
      let type = spec["type"].string ?? ""
      if spec["sessionAffinity"].string == "ClientIP",
        spec["sessionAffinityConfig", "clientIP", "timeoutSeconds"].isNull
      {
        spec["sessionAffinityConfig", "clientIP", "timeoutSeconds"] = 10_800
      }
      spec.updateEach("ports") { port in
        port.setDefault("protocol", "TCP")
        if port["targetPort"].isNull || port["targetPort"] == 0 || port["targetPort"] == "" {
          port["targetPort"] = port["port"]
        }
      }
      if type != "ExternalName" { spec.setDefault("internalTrafficPolicy", "Cluster") }
      let hasExternal = !spec["externalIPs"].elements.isEmpty && type == "ClusterIP"
      if type == "NodePort" || type == "LoadBalancer" || hasExternal {
        spec.setDefault("externalTrafficPolicy", "Cluster")
      }
      if type == "LoadBalancer" { spec.setDefault("allocateLoadBalancerNodePorts", true) }
    }
    object.setDefault("status", ["loadBalancer": [:]])
  }

  /// `stringData` is only a way to write `data` without base 64.
  private static func secret(_ object: inout JSON) {
    object.setDefault("type", "Opaque")
    for (key, value) in object["stringData"].stringMap {
      object["data", key] = .string(Base64.encode(Array(value.utf8)))
    }
    object["stringData"] = .null
  }

  private static func networkPolicy(_ object: inout JSON) {
    object.setDefault("spec", [:])
    object.update("spec") { spec in
      spec.setDefault("podSelector", [:])
      if spec["policyTypes"].elements.isEmpty {
        spec["policyTypes"] = spec["egress"].elements.isEmpty ? ["Ingress"] : ["Ingress", "Egress"]
      }
      for direction in ["ingress", "egress"] {
        spec.updateEach(direction) { rule in rule.updateEach("ports") { $0.setDefault("protocol", "TCP") } }
      }
    }
  }

  /// Fields a client need not repeat when it replaces an object: what was allocated stays.
  static func keepFields(_ object: inout JSON, old: JSON, kind: ResourceKind) {
    guard kind.qualifiedName == "services" else { return }
    object.update("spec") { spec in
      dropTypeDependentFields(&spec, old: old["spec"])
      let type = spec["type"].string ?? "ClusterIP"
      guard type != "ExternalName", old["spec", "type"].string != "ExternalName" else { return }
      // An empty clusterIP with the list kept, or the other way, is completed from what it was.
      if (spec["clusterIP"].string ?? "").isEmpty, spec["clusterIPs"].elements.isEmpty {
        spec["clusterIP"] = old["spec", "clusterIP"]
        spec["clusterIPs"] = old["spec", "clusterIPs"]
      } else if spec["clusterIPs"].elements.isEmpty, spec["clusterIP"] == old["spec", "clusterIP"] {
        // A client from before there were lists knows the first alone.
        spec["clusterIPs"] = old["spec", "clusterIPs"]
      }
      for field in ["ipFamilies", "ipFamilyPolicy"] { spec.setDefault(field, old["spec"][field]) }
      if type == "NodePort" || type == "LoadBalancer" {
        let before = old["spec", "ports"].elements
        spec.updateEach("ports") { port in
          guard (port["nodePort"].int ?? 0) == 0 else { return }
          let same = before.first {
            $0["port"] == port["port"] && $0["protocol"].string == port["protocol"].string ?? "TCP"
          }
          port["nodePort"] = same?["nodePort"] ?? .null
        }
        if type == "LoadBalancer" { spec.setDefault("healthCheckNodePort", old["spec", "healthCheckNodePort"]) }
      }
    }
  }

  /// Another type of Service lets go of what only the former type could have, as long as the client did not set it anew.
  private static func dropTypeDependentFields(_ spec: inout JSON, old: JSON) {
    let type = spec["type"].string ?? "ClusterIP"
    let oldType = old["type"].string ?? "ClusterIP"
    guard type != oldType else { return }
    func drop(_ field: String) { if spec[field] == old[field] { spec[field] = .null } }
    if type == "ExternalName" {
      for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] { drop(field) }
    }
    let hasNodePorts = ["NodePort", "LoadBalancer"]
    if hasNodePorts.contains(oldType), !hasNodePorts.contains(type) {
      let before = Set(old["ports"].elements.compactMap { $0["nodePort"].int })
      spec.updateEach("ports") { port in
        if let number = port["nodePort"].int, before.contains(number) { port["nodePort"] = .null }
      }
      drop("externalTrafficPolicy")
    }
    if oldType == "LoadBalancer" {
      for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"] { drop(field) }
    }
  }
}
