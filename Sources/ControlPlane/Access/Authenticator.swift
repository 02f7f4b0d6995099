internal import Kubernetes

/// Says who sends a request: by the certificate of the connection, a token of the file, or a service account's token.
package struct Authenticator: Sendable {
  let tokens: TokenRegistry?
  let certificates: ClientCertificates?
  let accounts: AccountTokens
  let store: ObjectStore

  package init(
    store: ObjectStore, accounts: AccountTokens, tokens: TokenRegistry? = nil, certificates: ClientCertificates? = nil
  ) {
    self.store = store
    self.accounts = accounts
    self.tokens = tokens
    self.certificates = certificates
  }

  package enum Outcome: Sendable, Equatable {
    case user(APIUser)
    /// Neither certificate nor token.
    case nobody
    /// What was shown is not valid.
    case refused
  }

  /// `certificate` is DER. Either of both suffices.
  package func identify(authorization: String, certificate: [UInt8]?) -> Outcome {
    if let certificate, let user = certificates?.user(certificate) { return .user(user) }
    if authorization.isEmpty { return certificate == nil ? .nobody : .refused }
    if let user = tokens?.user(authorization: authorization) { return .user(user) }
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return .refused }
    return account(String(parts[1]), audiences: [AccountTokens.defaultAudience]).map { .user($0) } ?? .refused
  }

  /// Who has a token, of whichever sort.
  func user(token: String, audiences: [String]) -> APIUser? {
    tokens?.user(authorization: "Bearer \(token)") ?? account(token, audiences: audiences)
  }

  /// The service account of a token, as long as it and what the token is bound to exist.
  private func account(_ token: String, audiences: [String]) -> APIUser? {
    guard let claims = accounts.claims(token, now: Timestamp.now().seconds),
      claims.audiences.contains(where: { audience in audiences.contains { $0 == audience } }),
      isThere("serviceaccounts", claims.namespace, claims.name, claims.uid)
    else { return nil }
    if let bound = claims.bound {
      let namespace = bound.kind == "Node" ? "" : claims.namespace
      guard isThere("\(bound.kind.lowercased())s", namespace, bound.name, bound.uid) else { return nil }
    }
    let name = ServiceAccountName(namespace: claims.namespace, name: claims.name)
    return APIUser(name: name.user, groups: name.groups + ["system:authenticated"], uid: claims.uid)
  }

  private func isThere(_ resource: String, _ namespace: String, _ name: String, _ uid: String) -> Bool {
    store.get(StoreKey(resource, namespace: namespace, name: name))?.value["metadata", "uid"].string == uid
  }
}
