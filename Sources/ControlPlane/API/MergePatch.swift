package import JSON

/// JSON Merge Patch (RFC 7396).
package enum MergePatch {
  package static func apply(_ patch: JSON, to target: JSON) -> JSON {
    guard case .object(let changes) = patch else { return patch }
    var result = target.object ?? JSON.Object()
    for (key, value) in changes.members {
      if value.isNull { result.remove(key) } else { result[key] = apply(value, to: result[key] ?? .null) }
    }
    return .object(result)
  }
}
