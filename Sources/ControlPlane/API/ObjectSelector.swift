internal import JSON

/// Which objects of a kind a list or watch is about.
struct ObjectSelector: Sendable {
  let labels: LabelSelectorText
  let fields: FieldSelector

  init(_ target: RequestTarget, kind: ResourceKind, name: String? = nil) throws(StatusError) {
    labels = try LabelSelectorText(parsing: target["labelSelector"] ?? "")
    var text = target["fieldSelector"] ?? ""
    if let name { text += (text.isEmpty ? "" : ",") + "metadata.name=\(name)" }
    fields = try FieldSelector(parsing: text, kind: kind)
  }

  func matches(_ object: StoredObject) -> Bool {
    (labels.isEmpty || labels.matches(object.value["metadata", "labels"]))
      && (fields.isEmpty || fields.matches(object.value))
  }
}
