internal import JSON
internal import Kubernetes

extension KubernetesObject {
  /// `spec.selector` of a workload. Nil where there is none or it cannot be read: then nothing is selected, because more
  /// than the author wanted would be worse.
  var labelSelector: LabelSelector? { spec["selector"].isNull ? nil : try? LabelSelector(decoding: spec["selector"]) }

  /// `spec.selector` of a Service, a plain map of labels; nil where it is empty, which selects nothing.
  var serviceSelector: LabelSelector? {
    let labels = spec["selector"].stringMap
    return labels.isEmpty ? nil : LabelSelector(matchLabels: labels)
  }
}
