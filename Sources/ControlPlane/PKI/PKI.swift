internal import COpenSSL
internal import Glibc
internal import Linux

/// The folder with a cluster's certificate authority, the server's certificate, and the tokens clients show.
///
/// `ca.crt ca.key server.crt server.key apiserver-kubelet-client.crt apiserver-kubelet-client.key` (PEM),
/// `service-accounts.key` (hexadecimal digits) and `tokens.csv` (token, user, uid, "group,…": a static token file as
/// kube-apiserver reads it). Made on the first start and used again on the next; secrets are readable by their owner only.
package struct PKI: Sendable {
  package let folder: String
  /// PEM; what clients check the server with.
  package let authority: String
  let serving: TLSIdentity
  /// What the API server shows to the servers of nodes.
  let nodeClient: TLSIdentity
  package let tokens: TokenRegistry
  /// What tokens of service accounts are signed with.
  let accountKey: [UInt8]

  /// Ten years, one year.
  private static let authorityDays = 3650
  package static let serverDays = 365
  private static let nodeClientName = "apiserver-kubelet-client"

  /// Reads the folder, and makes what is missing or will expire within a month. The server's certificate is made anew
  /// when it lacks one of the names.
  package init(folder: String, serverNames: [String]) throws {
    self.folder = folder
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw SystemError("create folder \(folder)") }
    let root: Certificate
    if let found = try Self.read(folder, "ca") {
      guard found.lasts(days: 30) else {
        throw PKIError(
          "\(folder)/ca.crt", "the certificate authority expires within a month; remove the folder to make a new one")
      }
      root = found
    } else {
      root = try Certificate(commonName: "swiftlet-ca", purpose: .authority, days: Self.authorityDays)
      try Self.write(folder, "ca", root.identity)
    }
    authority = root.identity.certificate
    if let found = try Self.read(folder, "server"), found.lasts(days: 30), found.covers(serverNames),
      found.isSigned(by: root)
    {
      serving = found.identity
    } else {
      let server = try Certificate(
        commonName: "swiftlet-server", purpose: .server(names: serverNames), days: Self.serverDays, issuer: root)
      serving = server.identity
      try Self.write(folder, "server", serving)
    }
    if let found = try Self.read(folder, Self.nodeClientName), found.lasts(days: 30), found.isSigned(by: root) {
      nodeClient = found.identity
    } else {
      nodeClient = try Certificate(
        commonName: NodeTrust.apiServerName, purpose: .client(groups: []), days: Self.serverDays,
        issuer: root
      ).identity
      try Self.write(folder, Self.nodeClientName, nodeClient)
    }
    let path = folder + "/tokens.csv"
    if access(path, F_OK) != 0 {
      let admin = "\(Self.newToken()),kubernetes-admin,admin,system:masters\n"
      try Files.write(path, admin, mode: 0o600, durable: true)
    }
    tokens = try TokenRegistry(path: path)
    let keyPath = folder + "/service-accounts.key"
    if access(keyPath, F_OK) != 0 { try Files.write(keyPath, Self.newToken() + "\n", mode: 0o600, durable: true) }
    accountKey = Array(try Files.readText(keyPath).utf8.filter { $0 > 0x20 })
    guard accountKey.count >= 32 else {
      throw PKIError(
        keyPath,
        "found \(accountKey.count) characters, expected at least 32; remove it to make a new key, which ends "
          + "all tokens of service accounts")
    }
  }

  /// A certificate by which somebody is known to the API.
  package func client(user: String, groups: [String], days: Int = serverDays) throws -> TLSIdentity {
    guard let root = try Self.read(folder, "ca") else {
      throw PKIError("\(folder)/ca.crt", "the certificate authority is gone")
    }
    return try Certificate(commonName: user, purpose: .client(groups: groups), days: days, issuer: root).identity
  }

  /// A certificate for the server of a node, signed by the authority of the folder.
  package static func nodeServer(folder: String, node: String, addresses: [String]) throws -> TLSIdentity {
    guard let root = try read(folder, "ca") else { throw PKIError("\(folder)/ca.crt", "there is no authority yet") }
    return try Certificate(
      commonName: "system:node:\(node)", purpose: .server(names: [node] + addresses), days: serverDays, issuer: root
    ).identity
  }

  /// 32 random bytes as hexadecimal digits.
  private static func newToken() -> String {
    var bytes = [UInt8](repeating: 0, count: 32)
    RAND_bytes(&bytes, 32)
    return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func read(_ folder: String, _ name: String) throws -> Certificate? {
    let paths = ["\(folder)/\(name).crt", "\(folder)/\(name).key"]
    guard paths.allSatisfy({ access($0, F_OK) == 0 }) else { return nil }
    let texts = try paths.map { try Files.readText($0) }
    guard let certificate = Certificate.read(TLSIdentity(certificate: texts[0], key: texts[1])) else {
      throw PKIError(paths[0], "no certificate that belongs to \(paths[1]); remove both to make new ones")
    }
    return certificate
  }

  private static func write(_ folder: String, _ name: String, _ identity: TLSIdentity) throws {
    try Files.write("\(folder)/\(name).key", identity.key, mode: 0o600, durable: true)
    try Files.write("\(folder)/\(name).crt", identity.certificate, durable: true)
  }
}
