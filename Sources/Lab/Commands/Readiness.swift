internal import JSON
package import Kubernetes

/// How far a cluster is from every pod being Running and Ready.
package struct Readiness: Hashable, Sendable {
  /// Pods that are there and ready, or have ended well.
  package var readyPods = 0
  package var pods = 0
  /// What is awaited, for people: `shop/web-…: ContainerCreating`, `Deployment shop/web: 1 of 2 replicas`.
  package var awaited: [String] = []

  package var isReached: Bool { awaited.isEmpty }

  /// Reads it off the objects of kinds Pod, Deployment, ReplicaSet, StatefulSet and DaemonSet. Pods that are being
  /// deleted do not count.
  package init(pods: [KubernetesObject], workloads: [KubernetesObject]) {
    for pod in pods where !pod.isTerminating {
      self.pods += 1
      if let reason = Self.reasonNotReady(pod) {
        awaited.append("\(pod.key): \(reason)")
      } else {
        readyPods += 1
      }
    }
    for workload in workloads {
      if let missing = Self.missing(workload) { awaited.append("\(workload.kind) \(workload.key): \(missing)") }
    }
  }

  /// Reads the objects from the API.
  package init(_ client: APIClient) throws {
    var workloads: [KubernetesObject] = []
    for type in [ResourceType.deployments, .replicaSets, .statefulSets, .daemonSets] {
      workloads += try client.list(type).items
    }
    self.init(pods: try client.list(.pods).items, workloads: workloads)
  }

  /// The first word on why a pod is not ready; nil if it is, or has succeeded.
  package static func reasonNotReady(_ pod: KubernetesObject) -> String? {
    let phase = pod.status["phase"].string ?? "Pending"
    if phase == "Succeeded" || (phase == "Running" && pod.isTrue("Ready")) { return nil }
    for container in pod.status["initContainerStatuses"].elements + pod.status["containerStatuses"].elements {
      if let reason = container["state"]["waiting"]["reason"].string { return reason }
      if let reason = container["state"]["terminated"]["reason"].string, phase != "Running" { return reason }
    }
    if let reason = pod.status["reason"].string { return reason }
    if pod.spec["nodeName"].string == nil {
      return pod.condition("PodScheduled")["message"].string ?? "not scheduled yet"
    }
    return phase == "Running" ? "not ready" : phase
  }

  /// What a workload lacks; nil if all its replicas are up to date and ready.
  private static func missing(_ workload: KubernetesObject) -> String? {
    let status = workload.status
    let wanted: Int
    let ready: Int
    if workload.kind == "DaemonSet" {
      wanted = status["desiredNumberScheduled"].int ?? 0
      ready = status["numberReady"].int ?? 0
    } else {
      wanted = workload.spec["replicas"].int ?? 1
      ready = status["readyReplicas"].int ?? 0
    }
    if (status["observedGeneration"].int ?? 0) < workload.generation { return "not seen by its controller yet" }
    return ready >= wanted ? nil : "\(ready) of \(wanted) replicas ready"
  }
}
