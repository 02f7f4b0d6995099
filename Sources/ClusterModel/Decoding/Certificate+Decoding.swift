internal import JSON
internal import Kubernetes

extension Certificate: APIDecodable {
  package static var kind: String { "Secret" }

  /// Whether a Secret is one that holds a certificate; others are none of the network's business.
  static func isCertificate(_ secret: JSON) -> Bool { secret["type"].string == "kubernetes.io/tls" }

  /// A Secret of type kubernetes.io/tls with `tls.crt` and `tls.key` in base64 (RFC 4648).
  package init(reading reader: inout ObjectReader) throws(ModelError) {
    guard Self.isCertificate(reader.json) else {
      throw reader.error("type", reader.json["type"], expected: "kubernetes.io/tls")
    }
    self.init(id: reader.id, chain: [], key: [])
    chain = try Self.field("tls.crt", reader)
    key = try Self.field("tls.key", reader)
  }

  private static func field(_ name: String, _ reader: ObjectReader) throws(ModelError) -> [UInt8] {
    let value = reader.json["data"][name]
    // The value is a secret: an error never quotes it.
    guard let text = value.string, !text.isEmpty else {
      throw ModelError(
        object: reader.object, field: "data[\(name)]", found: text(of: value), expected: "PEM text in base64")
    }
    guard let bytes = Base64.decode(text) else {
      throw ModelError(
        object: reader.object, field: "data[\(name)]", found: "text that is no base64", expected: "PEM text in base64")
    }
    return bytes
  }

  private static func text(of value: JSON) -> String { value.isNull ? "nothing" : "no text, or empty text" }
}
