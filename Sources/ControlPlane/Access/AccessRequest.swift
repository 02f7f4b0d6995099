/// What somebody wants to do, as the rules of access speak of it (Kubernetes' request attributes).
package struct AccessRequest: Sendable, Hashable {
  package let user: APIUser
  /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or, for a path, the HTTP method
  /// in lower case.
  package let verb: String
  /// Nil where objects are meant.
  package let path: String?
  package let group: String
  /// The plural: `pods`.
  package let resource: String
  package let subresource: String
  /// Empty: the cluster, or all namespaces.
  package let namespace: String
  /// Empty: any.
  package let name: String
  /// `type=kubernetes.io/tls`: what a list or watch is narrowed to.
  package var fieldSelector = ""

  /// A request for objects.
  package init(
    _ user: APIUser, _ verb: String, group: String, resource: String, subresource: String = "", namespace: String = "",
    name: String = ""
  ) {
    self.user = user
    self.verb = verb
    path = nil
    self.group = group
    self.resource = resource
    self.subresource = subresource
    self.namespace = namespace
    self.name = name
  }

  /// A request for something that is no object.
  package init(_ user: APIUser, _ verb: String, path: String) {
    self.user = user
    self.verb = verb
    self.path = path
    group = ""
    resource = ""
    subresource = ""
    namespace = ""
    name = ""
  }

  /// The same of another subresource-free view: `pods/log`.
  var qualifiedResource: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }

  /// The refusal in the words of Kubernetes; `reason` is appended.
  func refusal(_ reason: String) -> StatusError {
    let tail = reason.isEmpty ? "" : ": \(reason)"
    if let path {
      return StatusError(403, "Forbidden", "forbidden: User \"\(user.name)\" cannot \(verb) path \"\(path)\"\(tail)")
    }
    let place = namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(namespace)\""
    let qualified = group.isEmpty ? resource : "\(resource).\(group)"
    let subject = name.isEmpty ? qualified : "\(qualified) \"\(name)\""
    var error = StatusError(
      403, "Forbidden",
      "\(subject) is forbidden: User \"\(user.name)\" cannot \(verb) resource \"\(qualifiedResource)\" in API group "
        + "\"\(group)\" \(place)\(tail)")
    error.name = name
    error.group = group
    error.kind = resource
    return error
  }
}
