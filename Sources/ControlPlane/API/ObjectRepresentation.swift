internal import JSON

extension ResourceKind {
  /// A stored object as this version shows it, with `kind` and `apiVersion`.
  func shown(_ object: StoredObject) -> JSON { identified(EventConversion.outgoing(object.value, kind: self)) }

  /// A value with `kind` and `apiVersion` before everything else.
  func identified(_ value: JSON) -> JSON {
    .object(
      JSON.Object(
        [("kind", .string(kind)), ("apiVersion", .string(apiVersion))]
          + value.members.filter { $0.key != "kind" && $0.key != "apiVersion" }))
  }

  /// The JSON text of `shown`; without kind and version for items of lists, which do not have them.
  func bytes(_ object: StoredObject, isItem: Bool = false) -> [UInt8] {
    let bytes =
      EventConversion.isConverted(self) ? EventConversion.outgoing(object.value, kind: self).bytes() : object.bytes
    if isItem { return bytes }
    return Array("{\"kind\":\"\(kind)\",\"apiVersion\":\"\(apiVersion)\",".utf8) + bytes.dropFirst()
  }
}

/// Events are one set of objects in two groups: `v1` and `events.k8s.io/v1` name the same fields differently.
enum EventConversion {
  private static let names = [
    ("involvedObject", "regarding"), ("message", "note"), ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
  ]

  static func isConverted(_ kind: ResourceKind) -> Bool { kind.group == "events.k8s.io" }

  static func outgoing(_ value: JSON, kind: ResourceKind) -> JSON {
    isConverted(kind) ? rename(value, Dictionary(uniqueKeysWithValues: names)) : value
  }

  static func incoming(_ value: JSON, kind: ResourceKind) -> JSON {
    isConverted(kind) ? rename(value, Dictionary(uniqueKeysWithValues: names.map { ($1, $0) })) : value
  }

  private static func rename(_ value: JSON, _ names: [String: String]) -> JSON {
    .object(JSON.Object(value.members.map { (names[$0.key] ?? $0.key, $0.value) }))
  }
}
