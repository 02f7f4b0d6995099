extension ResourceType {
  private static func core(_ plural: String, _ kind: String, isNamespaced: Bool = true) -> ResourceType {
    ResourceType(group: "", version: "v1", plural: plural, kind: kind, isNamespaced: isNamespaced)
  }
  private static func v1(_ group: String, _ plural: String, _ kind: String, isNamespaced: Bool = true) -> ResourceType {
    ResourceType(group: group, version: "v1", plural: plural, kind: kind, isNamespaced: isNamespaced)
  }

  package static let namespaces = core("namespaces", "Namespace", isNamespaced: false)
  package static let nodes = core("nodes", "Node", isNamespaced: false)
  package static let persistentVolumes = core("persistentvolumes", "PersistentVolume", isNamespaced: false)
  package static let pods = core("pods", "Pod")
  package static let services = core("services", "Service")
  package static let endpoints = core("endpoints", "Endpoints")
  package static let configMaps = core("configmaps", "ConfigMap")
  package static let secrets = core("secrets", "Secret")
  package static let serviceAccounts = core("serviceaccounts", "ServiceAccount")
  package static let events = core("events", "Event")
  package static let persistentVolumeClaims = core("persistentvolumeclaims", "PersistentVolumeClaim")
  package static let replicationControllers = core("replicationcontrollers", "ReplicationController")
  package static let resourceQuotas = core("resourcequotas", "ResourceQuota")
  package static let limitRanges = core("limitranges", "LimitRange")

  package static let deployments = v1("apps", "deployments", "Deployment")
  package static let replicaSets = v1("apps", "replicasets", "ReplicaSet")
  package static let statefulSets = v1("apps", "statefulsets", "StatefulSet")
  package static let daemonSets = v1("apps", "daemonsets", "DaemonSet")
  package static let controllerRevisions = v1("apps", "controllerrevisions", "ControllerRevision")
  package static let jobs = v1("batch", "jobs", "Job")
  package static let cronJobs = v1("batch", "cronjobs", "CronJob")

  package static let endpointSlices = v1("discovery.k8s.io", "endpointslices", "EndpointSlice")
  package static let leases = v1("coordination.k8s.io", "leases", "Lease")
  package static let networkPolicies = v1("networking.k8s.io", "networkpolicies", "NetworkPolicy")
  package static let ingresses = v1("networking.k8s.io", "ingresses", "Ingress")
  package static let ingressClasses = v1("networking.k8s.io", "ingressclasses", "IngressClass", isNamespaced: false)
  package static let serviceCIDRs = v1("networking.k8s.io", "servicecidrs", "ServiceCIDR", isNamespaced: false)
  package static let ipAddresses = v1("networking.k8s.io", "ipaddresses", "IPAddress", isNamespaced: false)
  /// Swiftlet's own: addresses for Services of type LoadBalancer.
  package static let loadBalancerPools = v1(
    "swiftlet.dev", "loadbalancerpools", "LoadBalancerPool", isNamespaced: false)
  package static let podDisruptionBudgets = v1("policy", "poddisruptionbudgets", "PodDisruptionBudget")
  package static let storageClasses = v1("storage.k8s.io", "storageclasses", "StorageClass", isNamespaced: false)
  package static let priorityClasses = v1("scheduling.k8s.io", "priorityclasses", "PriorityClass", isNamespaced: false)
  package static let roles = v1("rbac.authorization.k8s.io", "roles", "Role")
  package static let roleBindings = v1("rbac.authorization.k8s.io", "rolebindings", "RoleBinding")
  package static let clusterRoles = v1("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", isNamespaced: false)
  package static let clusterRoleBindings = v1(
    "rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", isNamespaced: false)
  package static let customResourceDefinitions = v1(
    "apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", isNamespaced: false)
  package static let horizontalPodAutoscalers = ResourceType(
    group: "autoscaling", version: "v2", plural: "horizontalpodautoscalers", kind: "HorizontalPodAutoscaler")

  /// Every type above, namespaces first so that objects can be created in this order.
  package static let known: [ResourceType] = [
    namespaces, customResourceDefinitions, priorityClasses, storageClasses, persistentVolumes, nodes, clusterRoles,
    clusterRoleBindings, ingressClasses, serviceAccounts, roles, roleBindings, resourceQuotas, limitRanges, secrets,
    configMaps, persistentVolumeClaims, serviceCIDRs, ipAddresses, loadBalancerPools, services, endpoints,
    endpointSlices, networkPolicies,
    podDisruptionBudgets,
    controllerRevisions, replicationControllers, replicaSets, deployments, statefulSets, daemonSets, jobs, cronJobs,
    pods, ingresses, horizontalPodAutoscalers, leases, events,
  ]
}
