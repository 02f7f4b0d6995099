internal import Kubernetes

extension AccessRequest {
  /// What an HTTP request for objects asks for.
  init(_ user: APIUser, _ request: APIRequest, _ target: RequestTarget, group: String, _ parts: ResourceRequest.Parts) {
    let verb =
      switch (request.method, parts.name) {
      case ("GET", nil), ("HEAD", nil): target.flag("watch") ? "watch" : "list"
      case ("GET", _), ("HEAD", _): target.flag("watch") && parts.sub == nil ? "watch" : "get"
      case ("POST", _): "create"
      case ("PUT", _): "update"
      case ("PATCH", _): "patch"
      case ("DELETE", nil): "deletecollection"
      case ("DELETE", _): "delete"
      default: request.method.lowercased()
      }
    // A Namespace is in itself: who has rights in it may be given those on it.
    let namespace = parts.namespace ?? (group.isEmpty && parts.plural == "namespaces" ? parts.name : nil)
    self.init(
      user, verb, group: group, resource: parts.plural, subresource: parts.sub ?? "", namespace: namespace ?? "",
      name: parts.name ?? Self.name(inSelector: target["fieldSelector"] ?? "", verb) ?? "")
    fieldSelector = target["fieldSelector"] ?? ""
  }

  /// A list or watch of one object by its name is judged as one of that object.
  private static func name(inSelector selector: String, _ verb: String) -> String? {
    guard ["list", "watch", "deletecollection"].contains(verb), selector.hasPrefix("metadata.name="),
      !selector.contains(",")
    else { return nil }
    return String(selector.dropFirst("metadata.name=".count))
  }
}
