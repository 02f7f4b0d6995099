internal import JSON

/// What a node's processes may write into the objects they may write (Kubernetes' admission plugin NodeRestriction), so
/// that a node that was taken over cannot draw pods to itself or speak for others.
struct NodeRestriction {
  let node: String
  let kind: ResourceKind
  let subresource: String

  /// Nil for users that are no node.
  init?(_ request: ResourceRequest) {
    guard let node = NodeAuthorizer.node(of: request.user) else { return nil }
    self.node = node
    kind = request.kind
    subresource = request.subresource ?? ""
  }

  private func refuse(_ name: String, _ reason: String) -> StatusError { .forbidden(kind, name, reason) }

  func checkCreation(_ object: JSON, name: String) throws(StatusError) {
    switch kind.qualifiedName {
    case "nodes":
      guard name == node else { throw refuse(name, "node \"\(node)\" is not allowed to create node \"\(name)\"") }
      try checkLabels(object, old: .null, name)
    case "leases.coordination.k8s.io":
      let isHeartbeat = object["metadata", "namespace"].string == NodeAuthorizer.heartbeatNamespace
      guard isHeartbeat ? name == node : name.hasPrefix(NodeAuthorizer.announcementPrefix) else {
        throw refuse(name, "node \"\(node)\" can only access node lease with the same name as the requesting node")
      }
    default: break
    }
  }

  /// Called within the write, with the object as it is and as it would be.
  func checkChange(_ object: JSON, old: JSON, name: String) throws(StatusError) {
    switch kind.qualifiedName {
    case "nodes":
      guard name == node else { throw refuse(name, "node \"\(node)\" is not allowed to modify node \"\(name)\"") }
      try checkLabels(object, old: old, name)
      for field in ["taints", "podCIDR", "podCIDRs", "unschedulable", "providerID"]
      where object["spec"][field] != old["spec"][field] {
        throw refuse(name, "node \"\(node)\" is not allowed to modify \(field)")
      }
      for field in ["ownerReferences", "finalizers"] where object["metadata"][field] != old["metadata"][field] {
        throw refuse(name, "node \"\(node)\" is not allowed to modify \(field)")
      }
    case "pods":
      try checkPod(old, name)
      for field in ["labels", "annotations", "ownerReferences", "finalizers"]
      where object["metadata"][field] != old["metadata"][field] {
        throw refuse(name, "node \"\(node)\" cannot update \(field) through pod status")
      }
    default: break
    }
  }

  func checkDeletion(_ object: JSON, name: String) throws(StatusError) {
    if kind.qualifiedName == "pods" { try checkPod(object, name) }
  }

  private func checkPod(_ pod: JSON, _ name: String) throws(StatusError) {
    guard pod["spec", "nodeName"].string == node else {
      throw refuse(name, "node \"\(node)\" can only touch pods with spec.nodeName set to itself")
    }
  }

  /// Labels of these domains decide where pods go; a node may set only those that say what it is.
  private static let allowedLabels: Set = [
    "kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
    "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
  ]

  private func checkLabels(_ object: JSON, old: JSON, _ name: String) throws(StatusError) {
    let before = old["metadata", "labels"]
    let after = object["metadata", "labels"]
    let changed = Set(before.members.map(\.key) + after.members.map(\.key)).filter { before[$0] != after[$0] }
    let refused = changed.filter { label in
      guard let slash = label.firstIndex(of: "/") else { return false }
      let domain = label[..<slash]
      // Its roles a node says once, when it registers.
      if domain == "node-role.kubernetes.io" { return !old.isNull }
      if domain == "node-restriction.kubernetes.io" || domain.hasSuffix(".node-restriction.kubernetes.io") {
        return true
      }
      for own in ["kubelet.kubernetes.io", "node.kubernetes.io"]
      where domain == own || domain.hasSuffix(".\(own)") { return false }
      let isReserved = ["kubernetes.io", "k8s.io"].contains { domain == $0 || domain.hasSuffix(".\($0)") }
      return isReserved && !Self.allowedLabels.contains(label)
    }
    guard refused.isEmpty else {
      throw refuse(
        name,
        "is not allowed to modify labels: \(refused.sorted().joined(separator: ", "))")
    }
  }
}
