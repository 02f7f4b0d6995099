/// Every kind the API serves. The first kind of a short name or plural is the one a client finds.
package struct ResourceKinds: Sendable {
  package let all: [ResourceKind]
  private let byPath: [String: Int]

  package init() {
    all = Self.core + Self.workloads + Self.network + Self.others + Self.old
    byPath = Dictionary(uniqueKeysWithValues: all.enumerated().map { ("\($1.apiVersion)/\($1.plural)", $0) })
  }

  /// The kind of a plural in a group version: `v1`, `pods`.
  package func find(_ apiVersion: String, plural: String) -> ResourceKind? {
    byPath["\(apiVersion)/\(plural)"].map { all[$0] }
  }

  /// The kind of an object's `apiVersion` and `kind`.
  package func find(_ apiVersion: String, kind: String) -> ResourceKind? {
    all.first { $0.kind == kind && $0.apiVersion == apiVersion }
  }

  /// The group versions in order, the core group first.
  var groupVersions: [(group: String, version: String)] {
    var seen: Set<String> = []
    return all.filter { seen.insert($0.apiVersion).inserted }.map { ($0.group, $0.version) }
  }

  private static let core: [ResourceKind] = [
    .init("", "v1", "Namespace", "namespaces", short: ["ns"], cluster: true, [.status, .finalize]),
    .init("", "v1", "Node", "nodes", short: ["no"], cluster: true, [.status]),
    .init(
      "", "v1", "Pod", "pods", short: ["po"], categories: ["all"], generation: true,
      [.status, .binding, .eviction, .log, .exec, .attach, .portforward]),
    .init("", "v1", "Service", "services", short: ["svc"], categories: ["all"], [.status]),
    .init("", "v1", "Endpoints", "endpoints", short: ["ep"]),
    .init("", "v1", "ConfigMap", "configmaps", short: ["cm"]),
    .init("", "v1", "Secret", "secrets"),
    .init("", "v1", "ServiceAccount", "serviceaccounts", short: ["sa"], [.token]),
    .init("", "v1", "Event", "events", short: ["ev"]),
    .init("", "v1", "PersistentVolume", "persistentvolumes", short: ["pv"], cluster: true, [.status]),
    .init("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short: ["pvc"], [.status]),
    .init("", "v1", "ResourceQuota", "resourcequotas", short: ["quota"], [.status]),
    .init("", "v1", "LimitRange", "limitranges", short: ["limits"]),
    .init("", "v1", "PodTemplate", "podtemplates", generation: true),
    .init(
      "", "v1", "ReplicationController", "replicationcontrollers", short: ["rc"], categories: ["all"], generation: true,
      [.status, .scale]),
  ]

  private static let workloads: [ResourceKind] = [
    .init(
      "apps", "v1", "Deployment", "deployments", short: ["deploy"], categories: ["all"], generation: true,
      [.status, .scale]),
    .init(
      "apps", "v1", "ReplicaSet", "replicasets", short: ["rs"], categories: ["all"], generation: true,
      [.status, .scale]),
    .init(
      "apps", "v1", "StatefulSet", "statefulsets", short: ["sts"], categories: ["all"], generation: true,
      [.status, .scale]),
    .init(
      "apps", "v1", "DaemonSet", "daemonsets", short: ["ds"], categories: ["all"], generation: true, [.status]),
    .init("apps", "v1", "ControllerRevision", "controllerrevisions"),
    .init("batch", "v1", "Job", "jobs", categories: ["all"], generation: true, [.status]),
    .init("batch", "v1", "CronJob", "cronjobs", short: ["cj"], categories: ["all"], generation: true, [.status]),
    .init(
      "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short: ["hpa"], categories: ["all"],
      [.status], schema: "autoscaling.v2.HorizontalPodAutoscaler"),
    .init(
      "autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short: ["hpa"], categories: ["all"],
      [.status], schema: "autoscaling.v1.HorizontalPodAutoscaler"),
    .init(
      "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short: ["pdb"], generation: true, [.status]),
  ]

  private static let network: [ResourceKind] = [
    .init("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", generation: true),
    .init("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short: ["netpol"], generation: true),
    .init("networking.k8s.io", "v1", "Ingress", "ingresses", short: ["ing"], generation: true, [.status]),
    .init("networking.k8s.io", "v1", "IngressClass", "ingressclasses", cluster: true, generation: true),
    .init("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", cluster: true, generation: true, [.status]),
    .init("networking.k8s.io", "v1", "IPAddress", "ipaddresses", short: ["ip"], cluster: true, generation: true),
    .init("networking.k8s.io", "v1beta1", "ServiceCIDR", "servicecidrs", cluster: true, generation: true, [.status]),
    .init("networking.k8s.io", "v1beta1", "IPAddress", "ipaddresses", short: ["ip"], cluster: true, generation: true),
  ]

  /// Versions that clients of before 1.21 speak (Debian's kubectl among them); the objects are those of `v1`.
  private static let old: [ResourceKind] = [
    .init("batch", "v1beta1", "CronJob", "cronjobs", short: ["cj"], categories: ["all"], generation: true, [.status]),
    .init(
      "policy", "v1beta1", "PodDisruptionBudget", "poddisruptionbudgets", short: ["pdb"], generation: true, [.status]),
    .init(
      "discovery.k8s.io", "v1beta1", "EndpointSlice", "endpointslices", generation: true,
      schema: "discovery.v1beta1.EndpointSlice"),
  ]

  private static let others: [ResourceKind] = [
    .init("coordination.k8s.io", "v1", "Lease", "leases"),
    .init("events.k8s.io", "v1", "Event", "events", short: ["ev"], schema: "events.v1.Event"),
    .init(
      "swiftlet.dev", "v1", "LoadBalancerPool", "loadbalancerpools", short: ["lbpool"], cluster: true, generation: true,
      [.status]),
    .init("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    .init("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    .init("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", cluster: true),
    .init("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", cluster: true),
    .init(
      "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", short: ["pc"], cluster: true, generation: true),
    .init("storage.k8s.io", "v1", "StorageClass", "storageclasses", short: ["sc"], cluster: true),
  ]
}
