internal import JSON
internal import Kubernetes

extension APIHandler {
  func list(_ request: ResourceRequest) throws -> APIResponse {
    let kind = request.kind
    let selector = try ObjectSelector(request.target, kind: kind)
    let limit = try request.target.number("limit") ?? 0
    let wanted = request.target["resourceVersion"] ?? ""
    var start: ContinueToken?
    var revision: UInt64
    var objects: [StoredObject]
    if let text = request.target["continue"], !text.isEmpty {
      let token = try ContinueToken(parsing: text)
      start = token
      (revision, objects) = (token.revision, [])
      if token.revision == 0 {
        (revision, objects) = store.list(kind.storage, namespace: request.namespace)
      } else if let old = store.list(kind.storage, namespace: request.namespace, at: token.revision) {
        objects = old
      } else {
        var error = StatusError.expired(
          "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            + "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
            + "the results.")
        error.continueToken = ContinueToken(revision: 0, namespace: token.namespace, name: token.name).text
        throw error
      }
    } else if let exact = try exactRevision(request, wanted) {
      revision = exact
      guard let old = store.list(kind.storage, namespace: request.namespace, at: exact) else {
        throw StatusError.expired("The resourceVersion for the provided list is too old.")
      }
      objects = old
    } else {
      (revision, objects) = store.list(kind.storage, namespace: request.namespace)
    }
    if let start { objects = objects.filter { start.precedes($0.key) } }
    objects = objects.filter(selector.matches)
    var next = ""
    if limit > 0, objects.count > limit {
      objects = Array(objects.prefix(limit))
      next =
        ContinueToken(
          revision: revision, namespace: objects[limit - 1].key.namespace, name: objects[limit - 1].key.name
        ).text
    }
    if let table = TableFormat(accept: request.accept, target: request.target) {
      return .json(table.table(objects, kind: kind, revision: revision, continueToken: next))
    }
    return .json(listBytes(objects, kind: kind, revision: revision, next: next))
  }

  /// The revision a list must be of exactly, if it asks so; refuses revisions that have not come yet.
  private func exactRevision(_ request: ResourceRequest, _ wanted: String) throws(StatusError) -> UInt64? {
    let match = request.target["resourceVersionMatch"] ?? ""
    if wanted.isEmpty || wanted == "0" {
      if !match.isEmpty, wanted.isEmpty {
        throw .badRequest("resourceVersionMatch is forbidden unless resourceVersion is provided")
      }
      return nil
    }
    guard let revision = UInt64(wanted) else {
      throw .badRequest("resourceVersion: found \"\(wanted)\", expected a number")
    }
    let newest = store.revision
    if revision > newest {
      var error = StatusError(504, "Timeout", "Too large resource version: \(wanted), current: \(newest)")
      error.causes = [
        .init(reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "")
      ]
      error.retryAfterSeconds = 1
      throw error
    }
    switch match {
    case "Exact": return revision
    case "", "NotOlderThan": return nil
    default: throw .badRequest("resourceVersionMatch: found \"\(match)\", expected \"Exact\" or \"NotOlderThan\"")
    }
  }

  private func listBytes(_ objects: [StoredObject], kind: ResourceKind, revision: UInt64, next: String) -> [UInt8] {
    var metadata: JSON = ["resourceVersion": .string(String(revision))]
    if !next.isEmpty { metadata["continue"] = .string(next) }
    var output = Array("{\"kind\":\"\(kind.kind)List\",\"apiVersion\":\"\(kind.apiVersion)\",\"metadata\":".utf8)
    metadata.write(to: &output)
    output += ",\"items\":[".utf8
    for (index, object) in objects.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      output += kind.bytes(object, isItem: true)
    }
    output += "]}".utf8
    return output
  }
}

/// Where a list that was cut short goes on: after an object, at the revision of its first page.
struct ContinueToken {
  let revision: UInt64
  let namespace: String
  let name: String

  init(revision: UInt64, namespace: String, name: String) {
    self.revision = revision
    self.namespace = namespace
    self.name = name
  }

  init(parsing text: String) throws(StatusError) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Base64.decode(String($0)) }
    guard parts.count == 3, let number = parts[0], let namespace = parts[1], let name = parts[2],
      let revision = UInt64(String(decoding: number, as: UTF8.self))
    else { throw .badRequest("continue key is not valid: \"\(text)\"") }
    self.init(
      revision: revision, namespace: String(decoding: namespace, as: UTF8.self),
      name: String(decoding: name, as: UTF8.self))
  }

  var text: String {
    [String(revision), namespace, name].map { Base64.encode(Array($0.utf8)) }.joined(separator: ".")
  }

  func precedes(_ key: StoreKey) -> Bool { (namespace, name) < (key.namespace, key.name) }
}
