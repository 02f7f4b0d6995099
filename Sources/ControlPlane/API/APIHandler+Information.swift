internal import JSON
internal import Kubernetes

extension APIHandler {
  /// Paths that anyone may read without saying who he is.
  static func isPublic(_ target: RequestTarget) -> Bool {
    ["version", "healthz", "livez", "readyz"].contains(target.path.first)
  }

  /// What is not about objects: version, health, OpenAPI, the list of paths.
  func information(_ request: APIRequest, _ target: RequestTarget) throws(StatusError) -> APIResponse {
    guard request.method == "GET" || request.method == "HEAD" else { throw .methodNotAllowed(request.method) }
    switch target.path.first {
    case nil:
      let groups = kinds.groupVersions.map {
        JSON.string($0.group.isEmpty ? "/api/v1" : "/apis/\($0.group)/\($0.version)")
      }
      return .json([
        "paths": .array(groups + ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"])
      ])
    case "version": return .json(version.json)
    case "openapi": return try openAPI(target)
    default: return .text("ok")
    }
  }

  private func openAPI(_ target: RequestTarget) throws(StatusError) -> APIResponse {
    switch target.path.dropFirst().first {
    case "v2" where target.path.count == 2:
      return APIResponse(
        status: 200,
        headers: ["content-type": "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"],
        body: openAPI.v2(self))
    case "v3" where target.path.count == 2: return .json(openAPI.index(self))
    case "v3":
      guard let document = openAPI.document(target.path.dropFirst(2).joined(separator: "/"), self) else {
        throw .noSuchPath
      }
      return .json(document)
    default: throw .noSuchPath
    }
  }
}
