internal import JSON
internal import Kubernetes

extension APIHandler {
  func list(_ request: ResourceRequest) throws -> APIResponse {
    let kind = request.kind
    let selector = try ObjectSelector(request.target, kind: kind)
    let asked = try ListRequest(request.target, isWatch: false)
    try asked.checkIsPast(store.revision)
    var start: ContinueToken?
    var revision: UInt64
    var objects: [StoredObject]
    if !asked.continueToken.isEmpty {
      let token = try ContinueToken(parsing: asked.continueToken)
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
            + "the results. Continuing with the provided token results in an inconsistent list - objects that were "
            + "created, modified, or deleted between the time the first chunk was returned and now may show up in the "
            + "list.")
        error.continueToken = ContinueToken(revision: 0, namespace: token.namespace, name: token.name).text
        throw error
      }
    } else if asked.isExact, let exact = asked.revision {
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
    var metadata: JSON = ["resourceVersion": .string(String(revision))]
    if asked.limit > 0, objects.count > asked.limit {
      // How many are left is known exactly, but Kubernetes tells it only where nothing is selected.
      if selector.isEmpty { metadata["remainingItemCount"] = .int(Int64(objects.count - asked.limit)) }
      objects = Array(objects.prefix(asked.limit))
      let last = objects[asked.limit - 1].key
      let next = ContinueToken(revision: revision, namespace: last.namespace, name: last.name)
      metadata["continue"] = .string(next.text)
    }
    switch request.form {
    case .table(let table): return .json(table.table(objects, kind: kind, metadata: metadata))
    case .metadata:
      let items = objects.map { AnswerForm.metadata(of: $0) }
      return .json([
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "items": .array(items),
      ])
    case .whole: return .json(listBytes(objects, kind: kind, metadata: metadata))
    }
  }

  private func listBytes(_ objects: [StoredObject], kind: ResourceKind, metadata: JSON) -> [UInt8] {
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
