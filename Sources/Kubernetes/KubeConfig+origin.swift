internal import Glibc
internal import Linux

extension KubeConfig {
  /// Where a configuration comes from.
  package enum Origin: Hashable, Sendable {
    /// A kubeconfig; context nil: its `current-context`.
    case file(String, context: String?)
    /// A pod's service account volume, at this folder.
    case pod(folder: String)
  }

  /// Where Kubernetes mounts a pod's service account volume: `token`, `ca.crt`, `namespace`.
  package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// The configuration a pod finds in its environment and its service account's volume: KUBERNETES_SERVICE_HOST, an address
  /// of either family or a name, and KUBERNETES_SERVICE_PORT.
  package static func inCluster(folder: String = serviceAccountFolder) throws -> KubeConfig {
    guard let host = environment("KUBERNETES_SERVICE_HOST"), let port = environment("KUBERNETES_SERVICE_PORT") else {
      throw KubeConfigError(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a pod; give a kubeconfig")
    }
    guard let number = UInt16(port), number > 0 else {
      throw KubeConfigError("KUBERNETES_SERVICE_PORT: found \"\(port)\", expected a port, such as 443")
    }
    return try inCluster(host: host, port: number, folder: folder)
  }

  /// The same with the API server's address from elsewhere.
  package static func inCluster(host: String, port: UInt16, folder: String = serviceAccountFolder) throws -> KubeConfig
  {
    var config = KubeConfig(server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)")
    let authority = "\(folder)/ca.crt"
    config.files[authority] = FileStamp(authority)
    do {
      config.certificateAuthority = try Files.read(authority)
    } catch {
      throw KubeConfigError("the service account's volume is missing: \(error)")
    }
    config.tokenFile = "\(folder)/token"
    config.namespace = (try? Files.readText("\(folder)/namespace")).map { String($0.prefix { !$0.isWhitespace }) }
    config.origin = .pod(folder: folder)
    config.contentsAsRead = config.contents
    return config
  }

  /// The kubeconfig named by `file`, else by the environment's KUBECONFIG, else the pod's own, else `~/.kube/config`.
  package static func standard(file: String? = nil) throws -> KubeConfig {
    if let file { return try KubeConfig(file: file) }
    if let file = environment("KUBECONFIG") { return try KubeConfig(file: file) }
    if environment("KUBERNETES_SERVICE_HOST") != nil { return try inCluster() }
    guard let home = environment("HOME") else {
      throw KubeConfigError("no kubeconfig: KUBECONFIG and HOME are not set; name one with --kubeconfig")
    }
    return try KubeConfig(file: home + "/.kube/config")
  }

  /// The same for the same contents, wherever they come from.
  var contents: Int {
    var hasher = Hasher()
    hasher.combine(server)
    hasher.combine(certificateAuthority)
    hasher.combine(isVerificationSkipped)
    hasher.combine(clientCertificate)
    hasher.combine(clientKey)
    hasher.combine(token)
    hasher.combine(tokenFile)
    return hasher.finalize()
  }

  /// The same, read again from where it came; the server stays as it is for a pod.
  func reread() throws -> KubeConfig {
    switch origin {
    case .file(let file, let context): return try KubeConfig(file: file, context: context)
    case .pod(let folder):
      var config = self
      config.files["\(folder)/ca.crt"] = FileStamp("\(folder)/ca.crt")
      config.certificateAuthority = try Files.read("\(folder)/ca.crt")
      config.contentsAsRead = config.contents
      return config
    case nil: return self
    }
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
