internal import Glibc
internal import JSON
internal import Kubernetes

extension APIHandler {
  func create(_ request: ResourceRequest) throws -> APIResponse {
    var object = try object(request)
    if !(object["metadata", "resourceVersion"].string ?? "").isEmpty {
      throw StatusError.badRequest("resourceVersion should not be set on objects to be created")
    }
    let stored = try store.write(isDryRun: request.isDryRun) { transaction in
      ManagedFields(schema: schema, kind: request.kind).record(
        manager: request.fieldManager, old: nil, new: &object, subresource: "")
      return try create(&object, request, transaction)
    }
    return show(stored, request, status: 201)
  }

  /// Completes, checks and stores a new object.
  func create(_ object: inout JSON, _ request: ResourceRequest, _ transaction: StoreTransaction) throws -> StoredObject
  {
    let kind = request.kind
    try prepareMetadata(&object, request)
    try checkNamespace(request, transaction)
    let wantedName = object["metadata", "name"].string ?? ""
    try NodeRestriction(request)?.checkCreation(object, name: wantedName)
    try authorizer.checkEscalation(object, kind: kind, user: request.user)
    ObjectDefaults.prepareForCreate(&object, kind: kind)
    ObjectDefaults.apply(&object, kind: kind)
    let name = object["metadata", "name"].string ?? ""
    if transaction.get(kind.key(request.namespace, name)) != nil {
      guard object["metadata", "generateName"].string == nil else { throw tooManyNames(kind, name) }
      throw StatusError.alreadyExists(kind, name)
    }
    let faults = ObjectValidation.faults(object, kind: kind)
    guard faults.isEmpty else { throw StatusError.invalid(kind, name, faults) }
    var review = AdmissionReview(kind: kind, object: object, old: nil, transaction: transaction)
    for admission in admissions { try admission.admit(&review) }
    return transaction.put(kind.key(request.namespace, name), review.object)
  }

  private func tooManyNames(_ kind: ResourceKind, _ name: String) -> StatusError {
    var error = StatusError(
      409, "AlreadyExists",
      "\(kind.qualifiedName) \"\(name)\" already exists, the server was not able to generate a unique name for the object"
    )
    error.name = name
    error.group = kind.group
    error.kind = kind.plural
    error.retryAfterSeconds = 1
    return error
  }

  private func prepareMetadata(_ object: inout JSON, _ request: ResourceRequest) throws(StatusError) {
    var metadata = object["metadata"]
    if case .object = metadata {} else { metadata = .object(.init()) }
    if request.kind.isNamespaced {
      guard let namespace = request.namespace else {
        throw .badRequest("the server does not create \(request.kind.plural) without a namespace in the URL")
      }
      if let found = metadata["namespace"].string, !found.isEmpty, found != namespace {
        throw .badRequest(
          "the namespace of the provided object does not match the namespace sent on the request")
      }
      metadata["namespace"] = .string(namespace)
    } else {
      metadata["namespace"] = .null
    }
    if (metadata["name"].string ?? "").isEmpty, let prefix = metadata["generateName"].string, !prefix.isEmpty {
      metadata["name"] = .string(Self.generatedName(prefix))
    }
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation"] {
      metadata[field] = .null
    }
    if request.kind.hasGeneration { metadata["generation"] = 1 }
    metadata["uid"] = .string(Self.newUID())
    metadata["creationTimestamp"] = .string(Timestamp.now().description)
    object["metadata"] = metadata
  }

  /// 403 while the namespace ends, 404 without it.
  private func checkNamespace(_ request: ResourceRequest, _ transaction: StoreTransaction) throws(StatusError) {
    guard request.kind.isNamespaced, let namespace = request.namespace,
      let namespaces = kinds.find("v1", plural: "namespaces")
    else { return }
    guard let found = transaction.get(namespaces.key(nil, namespace)) else {
      throw .notFound(namespaces, namespace)
    }
    if !found.value["metadata", "deletionTimestamp"].isNull {
      var error = StatusError.forbidden(
        request.kind, request.name ?? "",
        "unable to create new content in namespace \(namespace) because it is being terminated")
      error.causes = [
        .init(
          reason: "NamespaceTerminating", message: "namespace \(namespace) is being terminated",
          field: "metadata.namespace")
      ]
      throw error
    }
  }

  /// A prefix and five characters that spell no words.
  static func generatedName(_ prefix: String) -> String {
    let letters = Array("bcdfghjklmnpqrstvwxz2456789")
    return String(prefix.prefix(58)) + String((0..<5).map { _ in letters.randomElement()! })
  }

  /// A random UUID (RFC 9562 version 4).
  static func newUID() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    var text = ""
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }
}
