internal import JSON
package import Linux

/// How to reach an API server and who to be there: one context of a kubeconfig, with its files read.
package struct KubeConfig: Hashable, Sendable {
  /// `https://host:port` with an optional path below which the API is served.
  package var server: String
  /// PEM certificates that may sign the server's; nil: those the system trusts.
  package var certificateAuthority: [UInt8]?
  package var isVerificationSkipped = false
  /// PEM.
  package var clientCertificate: [UInt8]?
  package var clientKey: [UInt8]?
  package var token: String?
  /// Read again now and then, because a pod's token is replaced before it expires. Goes before `token`.
  package var tokenFile: String?
  /// The context's default namespace.
  package var namespace: String?
  /// Where this was read, so that it can be read again; nil for what the program made up itself.
  package var origin: Origin?
  /// The files this was read from, but for `tokenFile`, each as it was just before.
  package var files: [String: FileStamp] = [:]
  /// What `contents` was when this was read: whoever changes something afterwards wants that, not the file's.
  var contentsAsRead: Int?

  package init(server: String) { self.server = server }

  /// Reads a kubeconfig (YAML or JSON). `context` nil: its `current-context`.
  package init(file: String, context: String? = nil) throws {
    let stamp = FileStamp(file)
    let bytes: [UInt8]
    do {
      bytes = try FileDescriptor.open(file).readAll()
    } catch let error {
      throw KubeConfigError("kubeconfig \(file) cannot be read: \(error)")
    }
    try self.init(bytes, file: file, context: context)
    origin = .file(file, context: context)
    files[file] = stamp
    contentsAsRead = contents
  }

  /// Reads a kubeconfig's text; `file` names it in errors, and relative paths in it begin at its folder.
  package init(_ bytes: [UInt8], file: String, context: String? = nil) throws {
    guard let json = try YAML.parse(bytes, file: file).first?.value else {
      throw KubeConfigError("kubeconfig \(file) is empty")
    }
    let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    func named(_ list: String, _ name: String, _ content: String) throws(KubeConfigError) -> JSON {
      let entry = json[list].elements.last { $0["name"].string == name }
      guard let entry else { throw KubeConfigError("kubeconfig \(file): \(list) has no entry named \"\(name)\"") }
      return entry[content]
    }
    func placed(_ path: String) -> String { path.isEmpty || path.hasPrefix("/") ? path : folder + path }
    var files: [String: FileStamp] = [:]
    func load(_ entry: JSON, _ field: String) throws(KubeConfigError) -> [UInt8]? {
      if let data = entry[field + "-data"].string, !data.isEmpty {
        guard let bytes = Base64.decode(data) else {
          throw KubeConfigError("kubeconfig \(file): \(field)-data is not base64")
        }
        return bytes
      }
      guard let path = entry[field].string.map(placed), !path.isEmpty else { return nil }
      files[path] = FileStamp(path)
      do {
        return try FileDescriptor.open(path).readAll()
      } catch {
        throw KubeConfigError("kubeconfig \(file): \(field): \(error)")
      }
    }
    guard let contextName = context ?? json["current-context"].string, !contextName.isEmpty else {
      throw KubeConfigError("kubeconfig \(file) has no current-context; name the context to use")
    }
    let selected = try named("contexts", contextName, "context")
    let cluster = try named("clusters", selected["cluster"].string ?? "", "cluster")
    guard let server = cluster["server"].string, server.hasPrefix("https://") || server.hasPrefix("http://") else {
      throw KubeConfigError(
        "kubeconfig \(file): server of cluster \"\(selected["cluster"].string ?? "")\" is "
          + "\(cluster["server"]), expected an https:// address")
    }
    for unsupported in ["proxy-url", "tls-server-name"] where !cluster[unsupported].isNull {
      throw KubeConfigError("kubeconfig \(file): \(unsupported) is not supported; use a cluster entry without it")
    }
    self.init(server: server)
    certificateAuthority = try load(cluster, "certificate-authority")
    isVerificationSkipped = cluster["insecure-skip-tls-verify"].bool ?? false
    namespace = selected["namespace"].string
    self.files = files
    guard let userName = selected["user"].string, !userName.isEmpty else { return }
    let user = try named("users", userName, "user")
    for unsupported in ["exec", "auth-provider", "username"] where !user[unsupported].isNull {
      throw KubeConfigError(
        "kubeconfig \(file): user \"\(userName)\" authenticates by \(unsupported), which is not supported; "
          + "give it a token or a client certificate")
    }
    clientCertificate = try load(user, "client-certificate")
    clientKey = try load(user, "client-key")
    token = user["token"].string
    tokenFile = user["tokenFile"].string.map(placed)
    self.files = files
  }

  /// A kubeconfig text with this as its only context, everything inline. `name` is used for cluster, user and context.
  package func yaml(name: String) -> String {
    func quoted(_ text: String) -> String { JSON.string(text).description }
    var lines = [
      "apiVersion: v1", "kind: Config", "current-context: \(quoted(name))", "clusters:", "- name: \(quoted(name))",
      "  cluster:", "    server: \(quoted(server))",
    ]
    if let certificateAuthority {
      lines.append("    certificate-authority-data: \(Base64.encode(certificateAuthority))")
    }
    if isVerificationSkipped { lines.append("    insecure-skip-tls-verify: true") }
    lines += ["contexts:", "- name: \(quoted(name))", "  context:", "    cluster: \(quoted(name))"]
    lines.append("    user: \(quoted(name))")
    if let namespace { lines.append("    namespace: \(quoted(namespace))") }
    lines += ["users:", "- name: \(quoted(name))"]
    var user: [String] = []
    if let clientCertificate { user.append("    client-certificate-data: \(Base64.encode(clientCertificate))") }
    if let clientKey { user.append("    client-key-data: \(Base64.encode(clientKey))") }
    if let token { user.append("    token: \(quoted(token))") }
    if let tokenFile { user.append("    tokenFile: \(quoted(tokenFile))") }
    lines += user.isEmpty ? ["  user: {}"] : ["  user:"] + user
    return lines.joined(separator: "\n") + "\n"
  }
}
