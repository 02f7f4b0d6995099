internal import JSON
internal import Kubernetes

/// A request for objects: who asks what of which kind.
struct ResourceRequest {
  let user: APIUser
  let request: APIRequest
  let target: RequestTarget
  let kind: ResourceKind
  /// Nil for objects of the cluster and for lists over all namespaces.
  let namespace: String?
  let name: String?
  let subresource: String?
  /// What the answer is to warn of.
  let warnings = WarningList()

  var method: String { request.method }
  var form: AnswerForm { AnswerForm(accept: request.headers["accept"] ?? "", target: target) }
  var contentType: String {
    let value = request.headers["content-type"] ?? ""
    let end = value.firstIndex(of: ";") ?? value.endIndex
    return String(value[..<end].filter { $0 != " " }).lowercased()
  }
  var isDryRun: Bool { !target.values("dryRun").allSatisfy(\.isEmpty) }
  /// The name changes are recorded under.
  var fieldManager: String {
    if let manager = target["fieldManager"], !manager.isEmpty { return manager }
    let agent = request.headers["user-agent"] ?? "unknown"
    return String(agent.prefix { $0 != "/" && $0 != " " })
  }

  /// The parts of a path below a group version.
  typealias Parts = (namespace: String?, plural: String, name: String?, sub: String?)

  /// Splits a path below a group version into namespace, resource, name and subresource.
  static func parse(_ parts: ArraySlice<String>) -> Parts? {
    var parts = parts
    var namespace: String?
    if parts.first == "namespaces", parts.count >= 3 {
      let third = parts[parts.startIndex + 2]
      if !(parts.count == 3 && (third == "status" || third == "finalize")) {
        namespace = parts[parts.startIndex + 1]
        parts = parts.dropFirst(2)
      }
    }
    guard let plural = parts.first, parts.count <= 3 else { return nil }
    let rest = Array(parts.dropFirst())
    return (namespace, plural, rest.first, rest.count > 1 ? rest[1] : nil)
  }
}
