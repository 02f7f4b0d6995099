extension TLSIdentity {
  /// A server's certificate for a few names, signed by an authority made for it alone, whose key is forgotten: valid for a
  /// day, for trials.
  ///
  /// - Returns: the authority's certificate (PEM), which clients are to trust, and the server's identity.
  package static func temporary(names: [String]) throws -> (authority: String, server: TLSIdentity) {
    let authority = try Certificate(commonName: "swiftlet-temporary-ca", purpose: .authority, days: 1)
    let server = try Certificate(
      commonName: names.first ?? "swiftlet", purpose: .server(names: names), days: 1, issuer: authority)
    return (authority.identity.certificate, server.identity)
  }
}
