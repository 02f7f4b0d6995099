internal import JSON
internal import Kubernetes

/// Whether a pod may run on a node by its own wish: `nodeSelector` and required node affinity (core/v1). Pure.
enum NodeAffinity {
  static func matches(_ spec: JSON, _ node: KubernetesObject) -> Bool {
    let labels = node.labels
    for (key, value) in spec["nodeSelector"].stringMap where labels[key] != value { return false }
    let required = spec["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]
    guard !required.isNull else { return true }
    return required["nodeSelectorTerms"].elements.contains { matches($0, node, labels) }
  }

  /// One term: all of its expressions and fields; an empty term matches nothing.
  static func matches(_ term: JSON, _ node: KubernetesObject, _ labels: [String: String]) -> Bool {
    let expressions = term["matchExpressions"].elements
    let fields = term["matchFields"].elements
    guard !expressions.isEmpty || !fields.isEmpty else { return false }
    return expressions.allSatisfy { holds($0, labels[$0["key"].string ?? ""]) }
      && fields.allSatisfy { holds($0, $0["key"].string == "metadata.name" ? node.name : nil) }
  }

  private static func holds(_ requirement: JSON, _ found: String?) -> Bool {
    let values = requirement["values"].elements.compactMap(\.string)
    switch requirement["operator"].string {
    case "In": return found.map(values.contains) ?? false
    case "NotIn": return !(found.map(values.contains) ?? false)
    case "Exists": return found != nil
    case "DoesNotExist": return found == nil
    case "Gt", "Lt":
      guard let found = found.flatMap({ Int($0) }), let bound = values.first.flatMap({ Int($0) }) else { return false }
      return requirement["operator"].string == "Gt" ? found > bound : found < bound
    default: return false
    }
  }
}
