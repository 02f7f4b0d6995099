internal import JSON
internal import Kubernetes

/// Taints against tolerations (core/v1). Pure.
enum Tolerations {
  /// The first taint of one of these effects that the pod does not tolerate.
  static func untolerated(
    _ taints: [JSON], _ tolerations: [JSON], effects: Set<String> = ["NoSchedule", "NoExecute"]
  ) -> JSON? {
    taints.first { taint in
      effects.contains(taint["effect"].string ?? "") && !tolerations.contains { tolerates($0, taint) }
    }
  }

  static func tolerates(_ toleration: JSON, _ taint: JSON) -> Bool {
    if let effect = toleration["effect"].string, !effect.isEmpty, effect != taint["effect"].string { return false }
    let key = toleration["key"].string ?? ""
    if !key.isEmpty, key != taint["key"].string { return false }
    switch toleration["operator"].string ?? "Equal" {
    case "Exists": return true
    case "Equal": return !key.isEmpty && toleration["value"].string ?? "" == taint["value"].string ?? ""
    default: return false
    }
  }
}
