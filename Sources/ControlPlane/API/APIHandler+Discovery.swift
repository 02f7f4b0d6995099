internal import JSON
internal import Kubernetes

extension APIHandler {
  /// `/api`, `/apis` and the lists below them.
  func discovery(_ request: APIRequest, _ target: RequestTarget) throws(StatusError) -> APIResponse {
    guard request.method == "GET" else { throw .methodNotAllowed(request.method) }
    let isCore = target.path[0] == "api"
    let discovery = Discovery(kinds: kinds)
    switch (isCore, target.path.count) {
    case (_, 1):
      // The parameters of the media type that is answered: without them clients do not see what it is.
      let accept = request.headers["accept"] ?? ""
      for version in ["v2", "v2beta1"]
      where accept.contains("g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList") {
        var response = APIResponse.json(discovery.aggregated(isCore: isCore, version: version))
        response.headers["content-type"] =
          "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
        response.headers["vary"] = "Accept"
        return response
      }
      return .json(isCore ? discovery.versions : discovery.groups)
    case (false, 2):
      guard let group = discovery.group(target.path[1]) else { throw .noSuchPath }
      var json = group
      json["kind"] = "APIGroup"
      json["apiVersion"] = "v1"
      return .json(json)
    default:
      let name = target.path.dropFirst().joined(separator: "/")
      guard let list = discovery.resources(name) else { throw .noSuchPath }
      return .json(list)
    }
  }
}
