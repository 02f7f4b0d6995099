package import JSON

/// A model value that is made from one object of the Kubernetes API.
///
/// What the value cannot exist without (its name, a policy's pod selector) throws. Any other part that is not what the
/// API says is left out and becomes a warning, so that one bad address harms neither its object nor the cluster.
package protocol APIDecodable {
  /// The `kind` of the object, used where the object itself does not say it.
  static var kind: String { get }

  /// Reads the object that `reader` holds.
  init(reading reader: inout ObjectReader) throws(ModelError)
}

extension APIDecodable {
  /// Decodes one API object and appends a warning for each part that was left out, up to `ObjectReader.mostWarnings`.
  package init(decoding json: JSON, warnings: inout [ModelError]) throws(ModelError) {
    var reader = try ObjectReader(json, kind: Self.kind)
    try self.init(reading: &reader)
    warnings += reader.warnings
    if let rest = reader.unlistedWarnings { warnings.append(rest) }
  }

  /// Decodes one API object; parts that are wrong are left out silently.
  package init(decoding json: JSON) throws(ModelError) {
    var warnings: [ModelError] = []
    try self.init(decoding: json, warnings: &warnings)
  }
}
