/// A kind of the API as a client addresses it: group, version, plural name and kind.
package struct ResourceType: Hashable, Sendable, CustomStringConvertible {
  /// Empty for the core group.
  package let group: String
  package let version: String
  /// The lower-case name in paths: `endpointslices`.
  package let plural: String
  package let kind: String
  package let isNamespaced: Bool

  package init(group: String, version: String, plural: String, kind: String, isNamespaced: Bool = true) {
    self.group = group
    self.version = version
    self.plural = plural
    self.kind = kind
    self.isNamespaced = isNamespaced
  }

  /// What objects of this type carry as `apiVersion`: `v1`, `apps/v1`.
  package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

  /// `plural.group`, as `kubectl api-resources` and error messages name it.
  package var description: String { group.isEmpty ? plural : "\(plural).\(group)" }

  /// The path below which the group version is served.
  package var groupPath: String { group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)" }

  /// The path of a collection, an object or a subresource. An empty or absent namespace addresses all namespaces.
  package func path(namespace: String? = nil, name: String? = nil, subresource: String? = nil) -> String {
    var path = groupPath
    if isNamespaced, let namespace, !namespace.isEmpty { path += "/namespaces/\(percentEncoded(namespace))" }
    path += "/\(plural)"
    if let name { path += "/\(percentEncoded(name))" }
    if let subresource { path += "/\(subresource)" }
    return path
  }
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
package func percentEncoded(_ text: String) -> String {
  var bytes: [UInt8] = []
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      bytes.append(byte)
    default:
      let digits = Array("0123456789ABCDEF".utf8)
      bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}
