internal import JSON
internal import Kubernetes

/// The form in which a client wants objects (the parameters of media types in `Accept`). The bytes are JSON whatever it
/// asks for: a refusal (406) would be final for every known client.
enum AnswerForm: Sendable {
  case whole
  /// Metadata only (meta.k8s.io/v1 PartialObjectMetadata), as garbage collectors and metadata informers ask for.
  case metadata
  case table(TableFormat)

  /// The first media type that can be answered counts.
  init(accept: String, target: RequestTarget) {
    for type in accept.split(separator: ",") {
      let parts = type.split(separator: ";").map { part in part.filter { $0 != " " } }
      guard let name = parts.first, ["application/json", "*/*", "application/*"].contains(name) else { continue }
      switch parts.first(where: { $0.hasPrefix("as=") })?.dropFirst(3) {
      case nil:
        self = .whole
        return
      case "Table" where parts.contains("v=v1"):
        self = .table(TableFormat(target))
        return
      case "PartialObjectMetadata" where parts.contains("v=v1"),
        "PartialObjectMetadataList" where parts.contains("v=v1"):
        self = .metadata
        return
      default: continue
      }
    }
    self = .whole
  }

  /// An object in this form, with kind and version.
  func bytes(_ object: StoredObject, kind: ResourceKind) -> [UInt8] {
    switch self {
    case .whole: kind.bytes(object)
    case .metadata: Self.metadata(of: object).bytes()
    case .table(let table): table.table([object], kind: kind, revision: object.revision).bytes()
    }
  }

  static func metadata(of object: StoredObject) -> JSON {
    [
      "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.value["metadata"],
    ]
  }
}
