internal import Addressing
internal import JSON
package import Kubernetes
internal import Linux
internal import Synchronization

/// The API server of `swiftlet server`: the store, the allocators, the handler over both, and HTTPS in front of it.
package final class APIServer: Sendable {
  package let configuration: APIServerConfiguration
  package let store: ObjectStore
  package let handler: APIHandler
  /// Nil where only calls inside the process are served.
  package let pki: PKI?
  private let http = Mutex<HTTPServer?>(nil)
  private let renewal = Mutex<CertificateRenewal?>(nil)

  /// Opens the store, learns what is allocated, and makes the objects every cluster has. Does not listen yet.
  package init(_ configuration: APIServerConfiguration) throws {
    self.configuration = configuration
    let admissions: [any Admission] = [
      ClusterIPAllocator(families: configuration.serviceRanges.map(\.family)),
      NodePortAllocator(range: configuration.nodePorts),
      DefaultIngressClass(),
    ]
    store = try ObjectStore(path: configuration.databasePath, historyLimit: configuration.historyLimit) { events in
      for event in events { for admission in admissions { admission.committed(event) } }
    }
    for admission in admissions {
      for resource in admission.resources {
        for object in store.list(resource).objects {
          admission.committed(StoreEvent(kind: .added, object: object, old: nil))
        }
      }
    }
    pki = try configuration.pkiPath.map { try PKI(folder: $0, serverNames: Self.serverNames(configuration)) }
    let accounts = pki.map { AccountTokens(key: $0.accountKey) } ?? AccountTokens()
    let authenticator = Authenticator(
      store: store, accounts: accounts, tokens: pki?.tokens,
      certificates: try pki.map { try ClientCertificates(authority: $0.authority) })
    handler = APIHandler(store: store, admissions: admissions, authenticator: authenticator)
    try BootstrapRoles(kinds: handler.kinds).run(store)
    try Bootstrap(handler: handler, configuration: configuration).run()
  }

  /// What the serving certificate is for: the names of the Service `kubernetes`, this machine, and what was asked for.
  static func serverNames(_ configuration: APIServerConfiguration) -> [String] {
    var names = [
      "kubernetes", "kubernetes.default", "kubernetes.default.svc",
      "kubernetes.default.svc.\(configuration.clusterDomain)", "localhost", "127.0.0.1", "::1",
    ]
    names += configuration.serviceRanges.compactMap { $0.address(at: 1).map { "\($0)" } }
    names += configuration.advertisedAddresses.map { "\($0)" }
    for name in configuration.serverNames where !names.contains(name) { names.append(name) }
    return names
  }

  /// Calls inside the process, known as the system itself.
  package var transport: any APITransport { LocalTransport(handler) }

  /// Serves HTTPS on all these places at once. Every `renewalInterval` seconds it looks whether its certificate is to be
  /// made anew, or was replaced, and shows the new one without a restart. Returns the ports, in the same order.
  @discardableResult
  package func start(_ listeners: [APIListener], renewalInterval: Double = 3600) throws -> [UInt16] {
    guard let pki else { throw PKIError("API server", "has no folder for certificates, so it cannot serve HTTPS") }
    let nodes = try NodeConnector(identity: pki.nodeClient, authority: pki.authority)
    let server = try HTTPServer(
      handler: handler, authority: pki.authority, limits: configuration.http, nodes: nodes)
    var ports: [UInt16] = []
    do {
      for listener in listeners {
        let socket = try listener.socket()
        ports.append(try SocketAddress.bound(socket.raw).port)
        try server.start(socket, identity: pki.serving)
      }
    } catch {
      server.stop()
      throw error
    }
    http.withLock { $0 = server }
    let renewal = CertificateRenewal(pki.serving, names: Self.serverNames(configuration), interval: renewalInterval) {
      [weak self] old, new in
      // With the lock held, so that `stop` waits.
      try self?.http.withLock { try $0?.replace(old, with: new) }
    }
    renewal.start(pki.folder)
    self.renewal.withLock { $0 = renewal }
    return ports
  }

  /// Ends all watches and connections. Calls inside the process go on.
  package func stop() {
    renewal.withLock { renewal in
      defer { renewal = nil }
      return renewal
    }?.stop()
    let server = http.withLock { http in
      defer { http = nil }
      return http
    }
    server?.stop()
  }

  /// A kubeconfig for the administrator; `server` is a URL such as `https://127.0.0.1:6443`.
  package func kubeconfig(server: String) -> String? {
    pki.map { KubeconfigFile.text(server: server, authority: $0.authority, token: $0.tokens.adminToken) }
  }
}
