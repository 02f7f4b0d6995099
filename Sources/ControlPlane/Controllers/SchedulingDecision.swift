internal import JSON
internal import Kubernetes

/// On which node a pod goes. Pure.
///
/// A node must be schedulable, match the pod's wishes, be tolerated, and have room where its allocatable resources are
/// known. Of those the pod goes where fewest pods of the same owner are, then fewest pods at all, then by name.
struct SchedulingDecision {
  enum Outcome: Equatable {
    case node(String)
    /// How many nodes were refused for each reason.
    case none([String: Int])
  }

  /// A node with what runs on it.
  struct Candidate {
    var node: KubernetesObject
    /// Pods that have not ended.
    var pods: [KubernetesObject]
  }

  static func choose(_ pod: KubernetesObject, _ candidates: [Candidate]) -> Outcome {
    var reasons: [String: Int] = [:]
    var best: (owned: Int, count: Int, name: String)?
    let requests = PodRequests.thousandths(pod.spec)
    let ports = hostPorts(pod)
    for candidate in candidates {
      if let reason = refusal(pod, requests, ports, candidate) {
        reasons[reason, default: 0] += 1
        continue
      }
      let owner = pod.controller?.uid
      let score = (
        owned: owner == nil ? 0 : candidate.pods.count { $0.controller?.uid == owner }, count: candidate.pods.count,
        name: candidate.node.name
      )
      if best.map({ score < $0 }) ?? true { best = score }
    }
    return best.map { .node($0.name) } ?? .none(reasons)
  }

  private static func refusal(
    _ pod: KubernetesObject, _ requests: [String: Int], _ ports: Set<String>, _ candidate: Candidate
  ) -> String? {
    let node = candidate.node
    let tolerations = pod.spec["tolerations"].elements
    if node.spec["unschedulable"].bool ?? false {
      let taint: JSON = ["key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"]
      if !tolerations.contains(where: { Tolerations.tolerates($0, taint) }) { return "node(s) were unschedulable" }
    }
    guard NodeAffinity.matches(pod.spec, node) else {
      return "node(s) didn't match Pod's node affinity/selector"
    }
    if let taint = Tolerations.untolerated(node.spec["taints"].elements, tolerations) {
      let value = taint["value"].string ?? ""
      return "node(s) had untolerated taint {\(taint["key"].string ?? ""): \(value)}"
    }
    if !ports.isEmpty, candidate.pods.contains(where: { !hostPorts($0).isDisjoint(with: ports) }) {
      return "node(s) didn't have free ports for the requested pod ports"
    }
    let allocatable = node.status["allocatable"]
    if let limit = allocatable["pods"].string.flatMap({ Int($0) }) ?? allocatable["pods"].int,
      candidate.pods.count >= limit
    {
      return "Too many pods"
    }
    for (name, amount) in requests where amount > 0 {
      guard let total = Quantity(allocatable[name])?.thousandths else {
        // cpu and memory that nobody measured are not a reason; a device that nobody has is.
        if ["cpu", "memory", "ephemeral-storage"].contains(name) { continue }
        return "Insufficient \(name)"
      }
      let used = candidate.pods.map { PodRequests.thousandths($0.spec)[name] ?? 0 }.reduce(amount, PodRequests.plus)
      if used > total { return "Insufficient \(name)" }
    }
    return nil
  }

  private static func hostPorts(_ pod: KubernetesObject) -> Set<String> {
    var ports: Set<String> = []
    for container in pod.spec["containers"].elements {
      for port in container["ports"].elements {
        guard let number = port["hostPort"].int, number != 0 else { continue }
        ports.insert("\(port["protocol"].string ?? "TCP")/\(number)")
      }
    }
    return ports
  }
}
