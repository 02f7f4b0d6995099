package import JSON
package import Kubernetes

/// What `kubectl apply` remembers: the manifest as it was applied last, in an annotation. With it a field that was taken
/// out of the manifest is taken out of the object too, and kubectl can go on where we left off.
package enum LastApplied {
  static let annotation = "kubectl.kubernetes.io/last-applied-configuration"

  /// The manifest's object with itself in the annotation, written as kubectl writes it (Go's JSON, `annotations` always
  /// there), so that kubectl finds a manifest that did not change unchanged.
  package static func annotated(_ manifest: KubernetesObject) -> KubernetesObject {
    var object = manifest
    object.annotations[annotation] = nil
    var remembered = object.json
    if object.annotations.isEmpty { remembered["metadata", "annotations"] = [:] }
    var text = sorted(remembered).description
    for (character, escape) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")] {
      text = text.split(separator: character, omittingEmptySubsequences: false).joined(separator: escape)
    }
    object.annotations[annotation] = text + "\n"
    return object
  }

  /// With the members of every object in the order of their names, as Go writes maps.
  private static func sorted(_ json: JSON) -> JSON {
    switch json {
    case .object(let object):
      // By bytes: Swift compares strings by what they look like.
      let members = object.members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      return .object(JSON.Object(members.map { ($0.key, sorted($0.value)) }))
    case .array(let elements): return .array(elements.map(sorted))
    default: return json
    }
  }

  /// The JSON merge patch (RFC 7396) that makes `live` what an annotated manifest says: it sets what the manifest holds,
  /// removes what only the last one held, and leaves alone what others have set.
  package static func patch(from live: KubernetesObject, to wanted: KubernetesObject) -> JSON {
    let last = live.annotations[annotation].flatMap { try? JSON(parsing: $0) } ?? .null
    return patch(last: last, wanted: wanted.json)
  }

  private static func patch(last: JSON, wanted: JSON) -> JSON {
    guard let before = last.object, var result = wanted.object else { return wanted }
    for (key, value) in before.members {
      result[key] = result[key].map { patch(last: value, wanted: $0) } ?? .null
    }
    return .object(result)
  }
}
