internal import CLinux
internal import ControlPlane
internal import Glibc
package import Kubernetes
internal import Linux

/// Who may talk to the lab's API, and with what: tokens, and the kubeconfigs that hold them.
package enum LabAccess {
  /// Writes the server's token file (kube-apiserver's `--token-auth-file`: token, user, uid, groups) and answers the
  /// tokens by user. Nobody but root may read it.
  static func writeTokens(_ site: LabSite, nodes: [LabNode]) throws -> [String: String] {
    var tokens: [String: String] = [:]
    var lines = ""
    for (user, groups) in [("admin", "system:masters")] + nodes.map({ ("system:node:\($0.name)", "system:nodes") }) {
      let token = try randomToken()
      tokens[user] = token
      lines += "\(token),\(user),\(user),\"\(groups)\"\n"
    }
    try Files.write(site.tokenFile, lines, mode: 0o600)
    return tokens
  }

  /// 128 random bits in hexadecimal.
  private static func randomToken() throws -> String {
    let file = try FileDescriptor.open("/dev/urandom")
    var bytes = [UInt8](repeating: 0, count: 16)
    let raw = file.raw
    try check("read /dev/urandom") { read(raw, &bytes, bytes.count) }
    return bytes.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
  }

  /// Writes the kubeconfig for people, and one for each node's processes, once the server has made its certificates.
  static func writeKubeconfigs(_ site: LabSite, _ lab: LabConfiguration, tokens: [String: String]) throws {
    let authority = try Files.read(site.certificateAuthority)
    func config(_ server: String, _ user: String) -> KubeConfig {
      var config = KubeConfig(server: server)
      config.certificateAuthority = authority
      config.token = tokens[user]
      return config
    }
    for node in lab.nodes {
      try writeServerIdentity(site, node)
      try Files.write(
        site.nodeKubeconfig(node.name),
        config(lab.apiURL, "system:node:\(node.name)").yaml(name: "swiftlet-lab"), mode: 0o600)
    }
    try Files.write(
      site.kubeconfig, config("https://127.0.0.1:\(lab.apiPort)", "admin").yaml(name: "swiftlet-lab"), mode: 0o600)
  }

  /// The certificate by which the API server knows a node. Written before the kubeconfig, which the node's processes wait
  /// for.
  private static func writeServerIdentity(_ site: LabSite, _ node: LabNode) throws {
    let identity = try PKI.nodeServer(
      folder: site.serverData, node: node.name, addresses: node.addresses.map(\.description))
    let prefix = site.nodeServerIdentity(node.name)
    try Files.write("\(prefix).key", identity.key, mode: 0o600)
    try Files.write("\(prefix).crt", identity.certificate, mode: 0o644)
  }

  /// Lets a node that joins in: a token, which the server finds in its file, and a kubeconfig.
  static func add(_ node: String, _ site: LabSite, _ lab: LabConfiguration) throws {
    try remove(node, site)
    let token = try randomToken()
    let user = "system:node:\(node)"
    let text = try Files.readText(site.tokenFile) + "\(token),\(user),\(user),\"system:nodes\"\n"
    try Files.write(site.tokenFile, text, mode: 0o600)
    var config = KubeConfig(server: lab.apiURL)
    config.certificateAuthority = try Files.read(site.certificateAuthority)
    config.token = token
    if let joining = lab.nodes.first(where: { $0.name == node }) { try writeServerIdentity(site, joining) }
    try Files.write(site.nodeKubeconfig(node), config.yaml(name: "swiftlet-lab"), mode: 0o600)
  }

  /// Takes a node's token away.
  static func remove(_ node: String, _ site: LabSite) throws {
    let lines = try Files.readText(site.tokenFile).split(separator: "\n")
    let left = lines.filter { !$0.contains(",system:node:\(node),") }
    if left.count < lines.count { try Files.write(site.tokenFile, left.map { $0 + "\n" }.joined(), mode: 0o600) }
  }

  /// A client with all rights, over 127.0.0.1.
  package static func client(_ site: LabSite) throws -> APIClient {
    APIClient(HTTPTransport(try KubeConfig(file: site.kubeconfig)), fieldManager: "swiftlet-lab")
  }
}
