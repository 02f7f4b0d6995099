internal import JSON
internal import Kubernetes

/// Which objects of a kind a list or watch is about.
struct ObjectSelector: Sendable {
  let labels: LabelSelector
  let fields: FieldSelector

  init(_ target: RequestTarget, kind: ResourceKind, name: String? = nil) throws(StatusError) {
    do { labels = try LabelSelector(parsing: target["labelSelector"] ?? "") } catch {
      throw .badRequest("unable to parse \(error)")
    }
    var text = target["fieldSelector"] ?? ""
    if let name { text += (text.isEmpty ? "" : ",") + "metadata.name=\(name)" }
    fields = try FieldSelector(parsing: text, kind: kind)
  }

  var isEmpty: Bool { labels.requirements.isEmpty && fields.isEmpty }

  func matches(_ object: StoredObject) -> Bool {
    (labels.requirements.isEmpty || labels.matches(object.labels))
      && (fields.isEmpty || fields.matches(object.value))
  }
}
