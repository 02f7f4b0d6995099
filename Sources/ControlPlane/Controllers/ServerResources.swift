internal import JSON
internal import Kubernetes

/// What a server serves, as it tells itself: also kinds that this program has no name for.
struct ServerResources {
  /// Kinds in namespaces whose objects can be listed and deleted.
  private(set) var namespaced: [ResourceType] = []
  /// Groups that could not be read, with the reason.
  private(set) var failures: [String] = []

  init(_ client: APIClient) throws {
    var versions = [(group: "", version: "v1")]
    for group in try client.answer(APIRequest("GET", "/apis"))["groups"].elements {
      // Every version of a group shows the same objects.
      let preferred = group["preferredVersion", "version"].string ?? group["versions"][0]["version"].string
      if let name = group["name"].string, let preferred { versions.append((name, preferred)) }
    }
    for (group, version) in versions {
      do {
        let path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        let list = try client.answer(APIRequest("GET", path))
        namespaced += list["resources"].elements.compactMap { Self.type($0, group: group, version: version) }
      } catch let status as APIStatus {
        failures.append("\(group)/\(version): \(status.message)")
      }
    }
  }

  /// Nil for subresources, and for what cannot be listed and deleted.
  private static func type(_ resource: JSON, group: String, version: String) -> ResourceType? {
    let verbs = resource["verbs"].elements.compactMap(\.string)
    guard let plural = resource["name"].string, !plural.contains("/"), let kind = resource["kind"].string,
      resource["namespaced"].bool == true, verbs.contains("list"), verbs.contains("delete")
    else { return nil }
    return ResourceType(group: group, version: version, plural: plural, kind: kind)
  }
}
