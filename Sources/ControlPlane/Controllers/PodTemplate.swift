internal import JSON
internal import Kubernetes

/// Pods made from a workload's template.
enum PodTemplate {
  static func pod(_ template: JSON, owner: KubernetesObject, name: String) -> KubernetesObject {
    var pod = KubernetesObject(.pods, namespace: owner.namespace, name: name)
    pod.labels = template["metadata", "labels"].stringMap
    pod.annotations = template["metadata", "annotations"].stringMap
    pod.finalizers = template["metadata", "finalizers"].elements.compactMap(\.string)
    pod.ownerReferences = [OwnerReference(controller: owner)]
    pod.spec = template["spec"]
    return pod
  }

  /// The template without the label a Deployment adds, for comparing.
  static func withoutHash(_ template: JSON) -> JSON {
    var template = template
    template["metadata", "labels", "pod-template-hash"] = .null
    template["metadata", "creationTimestamp"] = .null
    if template["metadata", "labels"].object?.isEmpty ?? false { template["metadata", "labels"] = .null }
    if template["metadata"].object?.isEmpty ?? false { template["metadata"] = .null }
    return template
  }
}
