internal import COpenSSL
internal import JSON
internal import Kubernetes

/// Tokens of service accounts: JSON Web Tokens (RFC 7519) with the claims Kubernetes gives them, signed with a key that
/// only this server has (HS256): who else must check one asks by a TokenReview.
package struct AccountTokens: Sendable {
  package static let defaultAudience = "https://kubernetes.default.svc"
  /// An hour, and Kubernetes' bounds for what is asked for: ten minutes and four years.
  static let defaultSeconds = 3600
  static let seconds = 600...(1 << 32)
  private let key: [UInt8]

  package init(key: [UInt8]) { self.key = key }

  /// With a key that ends with this process.
  package init() {
    var key = [UInt8](repeating: 0, count: 32)
    RAND_bytes(&key, 32)
    self.key = key
  }

  /// What a token says.
  package struct Claims: Sendable, Hashable {
    package var namespace: String
    package var name: String
    package var uid: String
    /// The object whose end ends the token too: its kind (`Pod`, `Secret`, `Node`), name and UID.
    package var bound: Bound?
    package var audiences: [String]
    /// Seconds since 1970.
    package var issued: Int64
    package var expires: Int64

    package struct Bound: Sendable, Hashable {
      package var kind: String
      package var name: String
      package var uid: String

      package init(kind: String, name: String, uid: String) {
        self.kind = kind
        self.name = name
        self.uid = uid
      }
    }

    package init(
      namespace: String, name: String, uid: String, bound: Bound?, audiences: [String], issued: Int64, expires: Int64
    ) {
      self.namespace = namespace
      self.name = name
      self.uid = uid
      self.bound = bound
      self.audiences = audiences
      self.issued = issued
      self.expires = expires
    }
  }

  private func signature(_ text: String) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: 32)
    let bytes = Array(text.utf8)
    // An HMAC fails only without memory; then the signature is one nobody has.
    if swiftlet_hmac_sha256(key, CInt(key.count), bytes, bytes.count, &output) != 1 { RAND_bytes(&output, 32) }
    return output
  }

  package func token(_ claims: Claims) -> String {
    let header: JSON = ["alg": "HS256", "typ": "JWT"]
    var about: JSON = [
      "namespace": .string(claims.namespace),
      "serviceaccount": ["name": .string(claims.name), "uid": .string(claims.uid)],
    ]
    if let bound = claims.bound {
      about[bound.kind.lowercased()] = ["name": .string(bound.name), "uid": .string(bound.uid)]
    }
    let account = ServiceAccountName(namespace: claims.namespace, name: claims.name)
    let payload: JSON = [
      "aud": .array(claims.audiences.map { .string($0) }), "exp": .int(claims.expires), "iat": .int(claims.issued),
      "nbf": .int(claims.issued), "iss": .string(Self.defaultAudience), "jti": .string(APIHandler.newUID()),
      "kubernetes.io": about, "sub": .string(account.user),
    ]
    let signed = Self.encode(header.bytes()) + "." + Self.encode(payload.bytes())
    return signed + "." + Self.encode(signature(signed))
  }

  /// What a token says, if it is ours and has not expired at `now` (seconds since 1970).
  package func claims(_ token: String, now: Int64) -> Claims? {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let given = Self.decode(parts[2]), given.count == 32 else { return nil }
    guard CRYPTO_memcmp(given, signature("\(parts[0]).\(parts[1])"), 32) == 0 else { return nil }
    guard let header = Self.decode(parts[0]).flatMap({ try? JSON(parsing: $0) }), header["alg"] == "HS256",
      let payload = Self.decode(parts[1]).flatMap({ try? JSON(parsing: $0) }),
      let expires = payload["exp"].int, let issued = payload["iat"].int, Int64(expires) > now
    else { return nil }
    let about = payload["kubernetes.io"]
    guard let namespace = about["namespace"].string, let name = about["serviceaccount", "name"].string,
      let uid = about["serviceaccount", "uid"].string
    else { return nil }
    var bound: Claims.Bound?
    for kind in ["Pod", "Secret", "Node"] where !about[kind.lowercased()].isNull {
      let object = about[kind.lowercased()]
      bound = .init(kind: kind, name: object["name"].string ?? "", uid: object["uid"].string ?? "")
    }
    return Claims(
      namespace: namespace, name: name, uid: uid, bound: bound,
      audiences: payload["aud"].elements.compactMap(\.string), issued: Int64(issued), expires: Int64(expires))
  }

  /// Base64url without padding (RFC 7515).
  private static func encode(_ bytes: [UInt8]) -> String {
    Base64.encode(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  private static func decode(_ text: Substring) -> [UInt8]? {
    var text = String(text).replacing("-", with: "+").replacing("_", with: "/")
    text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    return Base64.decode(text)
  }
}
