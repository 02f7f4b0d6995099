package import JSON

/// How an object is deleted (meta/v1 DeleteOptions).
package struct DeleteOptions: Hashable, Sendable {
  package enum Propagation: String, Sendable {
    case background = "Background"
    case foreground = "Foreground"
    case orphan = "Orphan"
  }

  package var propagation: Propagation?
  /// Seconds a pod may take to end; 0 removes it at once.
  package var gracePeriodSeconds: Int?
  /// Refuse (409) when the object is another one of that name.
  package var uid: String?
  /// Refuse (409) when the object has changed.
  package var resourceVersion: String?

  package init(
    propagation: Propagation? = nil, gracePeriodSeconds: Int? = nil, uid: String? = nil, resourceVersion: String? = nil
  ) {
    self.propagation = propagation
    self.gracePeriodSeconds = gracePeriodSeconds
    self.uid = uid
    self.resourceVersion = resourceVersion
  }

  package var json: JSON {
    var json: JSON = ["apiVersion": "v1", "kind": "DeleteOptions"]
    if let propagation { json["propagationPolicy"] = .string(propagation.rawValue) }
    if let gracePeriodSeconds { json["gracePeriodSeconds"] = .int(Int64(gracePeriodSeconds)) }
    if let uid { json["preconditions", "uid"] = .string(uid) }
    if let resourceVersion { json["preconditions", "resourceVersion"] = .string(resourceVersion) }
    return json
  }
}
