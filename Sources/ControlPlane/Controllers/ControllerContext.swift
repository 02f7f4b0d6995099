internal import JSON
internal import Kubernetes

/// What all controllers share: the client, the caches, and the recorder of events.
final class ControllerContext: Sendable {
  /// Names of indexes.
  enum Index {
    static let owner = "owner"
    static let node = "node"
    static let service = "service"
    /// Pods by each of their labels, Services by one label of their selector; with the namespace.
    static let label = "label"
    /// Services by each of their addresses, and by each port they have on nodes.
    static let clusterIP = "cluster-ip"
    static let nodePort = "node-port"
  }

  let client: APIClient
  let events: EventRecorder
  let pods = ControllerContext.cache(
    .pods,
    [
      Index.node: { [$0.spec["nodeName"].string ?? ""] },
      Index.label: { pod in pod.labels.map { ControllerContext.labelIndex(pod.namespace, $0.key, $0.value) } },
    ])
  let nodes = ControllerContext.cache(.nodes)
  let namespaces = ControllerContext.cache(.namespaces)
  let services = ControllerContext.cache(
    .services,
    [
      Index.label: { service in
        let selector = service.spec["selector"].stringMap.max { $0.key < $1.key }
        return selector.map { [ControllerContext.labelIndex(service.namespace, $0.key, $0.value)] } ?? []
      },
      Index.clusterIP: { $0.spec["clusterIPs"].elements.compactMap(\.string) },
      Index.nodePort: { NodePortAllocator.ports($0.json).map { "\($0)" } },
    ])
  let endpoints = ControllerContext.cache(.endpoints)
  let endpointSlices = ControllerContext.cache(
    .endpointSlices, [Index.service: { ["\($0.namespace)/\($0.labels["kubernetes.io/service-name"] ?? "")"] }])
  let deployments = ControllerContext.cache(.deployments)
  let replicaSets = ControllerContext.cache(.replicaSets)
  let statefulSets = ControllerContext.cache(.statefulSets)
  let daemonSets = ControllerContext.cache(.daemonSets)
  let controllerRevisions = ControllerContext.cache(.controllerRevisions)
  let jobs = ControllerContext.cache(.jobs)
  let persistentVolumeClaims = ControllerContext.cache(.persistentVolumeClaims)
  let leases = ControllerContext.cache(.leases)
  let serviceAccounts = ControllerContext.cache(.serviceAccounts)
  /// Started only where addresses of load balancers are given out.
  let loadBalancerPools = ControllerContext.cache(.loadBalancerPools)
  /// Of the embedded API server: started only where its allocators are.
  let serviceRanges = ControllerContext.cache(.serviceCIDRs)
  let serviceAddresses = ControllerContext.cache(.ipAddresses)
  let configMaps = ControllerContext.cache(.configMaps)
  let ingresses = ControllerContext.cache(.ingresses)
  let ingressClasses = ControllerContext.cache(.ingressClasses)
  /// Watched for the sake of their owners only.
  let others: [ObjectCache] = [
    .secrets, .networkPolicies, .replicationControllers, .podDisruptionBudgets, .roles, .roleBindings,
    .cronJobs, .horizontalPodAutoscalers,
  ].map { ControllerContext.cache($0) }

  init(client: APIClient, events: EventRecorder) {
    self.client = client
    self.events = events
  }

  private static func cache(_ type: ResourceType, _ indexes: [String: ObjectCache.Index] = [:]) -> ObjectCache {
    var indexes = indexes
    indexes[Index.owner] = { $0.ownerReferences.map(\.uid) }
    return ObjectCache(type, indexes: indexes)
  }

  var caches: [ObjectCache] {
    [
      pods, nodes, namespaces, services, endpoints, endpointSlices, deployments, replicaSets, statefulSets, daemonSets,
      controllerRevisions, jobs, persistentVolumeClaims, leases, serviceAccounts, configMaps,
      ingresses, ingressClasses,
    ] + others
  }
}
