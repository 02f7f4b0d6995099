internal import JSON

extension ResourceKind {
  /// A stored object as this version shows it, with `kind` and `apiVersion`.
  func shown(_ object: StoredObject) -> JSON { identified(VersionConversion.outgoing(object.value, kind: self)) }

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
      VersionConversion.isConverted(self) ? VersionConversion.outgoing(object.value, kind: self).bytes() : object.bytes
    if isItem { return bytes }
    return Array("{\"kind\":\"\(kind)\",\"apiVersion\":\"\(apiVersion)\",".utf8) + bytes.dropFirst()
  }
}
