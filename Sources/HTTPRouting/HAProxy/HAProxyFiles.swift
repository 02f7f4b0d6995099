internal import Addressing
internal import ClusterModel

/// What HAProxy reads when it starts, made from routes: the configuration, the maps, the certificates and the list that
/// says which certificate is for whom.
struct HAProxyFiles: Equatable {
  /// A map file: keys with their values.
  typealias Map = [String: String]

  /// A certificate's file and the names it is shown for.
  struct ListedCertificate: Equatable {
    /// Chain and key in PEM.
    var pem: [UInt8]
    var filters: [String]
  }

  /// The part of the configuration that only a reload changes: everything but the backends.
  var frame: String
  /// Backends by HAProxy's name for them.
  var backends: [String: [AddressAndPort]]
  /// Which host patterns have routes.
  var hosts: Map
  /// Host pattern and whole path.
  var exact: Map
  /// Host pattern and path elements, ending with a slash.
  var prefix: Map
  /// By file name.
  var certificates: [String: ListedCertificate]

  /// The key of the default backend in the exact map; no host begins so.
  static let defaultKey = "!"
  static let unavailable = "unavailable"

  init(_ routes: HTTPRoutes, _ configuration: HAProxyController.Configuration) {
    hosts = [:]
    exact = [:]
    prefix = [:]
    for (pattern, list) in routes.hosts {
      hosts["\(pattern)"] = "\(pattern)"
      for route in list {
        switch route.match {
        case .exact(let path): exact["\(pattern)\(path)"] = Self.name(route.target)
        case .prefix(let path): prefix["\(pattern)\(path)/"] = Self.name(route.target)
        }
      }
    }
    if let route = routes.defaultRoute { exact[Self.defaultKey] = Self.name(route.target) }
    backends = [:]
    for (id, endpoints) in routes.backends { backends[Self.name(.backend(id))] = endpoints }
    certificates = [:]
    for use in routes.certificates {
      certificates[Self.fileName(use.certificate.id)] = ListedCertificate(
        pem: Self.pem(use.certificate), filters: use.hosts.map(\.description))
    }
    frame = Self.frame(configuration)
  }

  /// Names hold letters, digits, dots and dashes only, so that an underscore separates without doubt.
  static func name(_ target: HTTPRoutes.Target) -> String {
    switch target {
    case .backend(let id): "\(id.service.namespace)_\(id.service.name)_\(id.port)"
    case .unavailable: unavailable
    }
  }

  static func fileName(_ id: NamespacedName) -> String { "\(id.namespace)_\(id.name).pem" }

  private static func pem(_ certificate: Certificate) -> [UInt8] {
    let newline = UInt8(ascii: "\n")
    // HAProxy's commands end a certificate at an empty line.
    let lines = (certificate.chain + [newline] + certificate.key).split(whereSeparator: { $0 == newline || $0 == 0x0D })
    return lines.flatMap { $0 + [newline] }
  }

  /// A server of a backend: its number and address. IPv6 needs no brackets there.
  static func server(_ number: Int, _ endpoint: AddressAndPort) -> String {
    "s\(number) \(endpoint.address):\(endpoint.port)"
  }

  /// The whole configuration, with a fingerprint of the frame by which a running process is recognized.
  var configuration: String {
    var text = "# Written by swiftlet; changes made here are overwritten.\n"
    text += frame.split(separator: "@FINGERPRINT@").joined(separator: fingerprint)
    for (name, endpoints) in backends.sorted(by: { $0.key < $1.key }) {
      text += "\nbackend \(name)\n  balance roundrobin\n"
      for (index, endpoint) in endpoints.enumerated() { text += "  server \(Self.server(index + 1, endpoint))\n" }
    }
    return text
  }

  /// FNV-1a of the frame: tells versions apart, nothing more.
  var fingerprint: String {
    String(frame.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 16)
  }

  static func text(_ map: Map) -> String {
    map.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
  }

  /// A line of the certificate list.
  static func listLine(_ path: String, _ certificate: ListedCertificate) -> String {
    ([path, "[alpn h2,http/1.1]"] + certificate.filters).joined(separator: " ")
  }

  private static func frame(_ configuration: HAProxyController.Configuration) -> String {
    let directory = configuration.directory
    let bind = configuration.http.map { "  bind \(listen($0))\n" }.joined()
    let secure = configuration.https.map {
      "  bind \(listen($0)) ssl crt-list \(directory)/certificates.list alpn h2,http/1.1"
        + (configuration.defaultCertificate == nil ? " strict-sni\n" : "\n")
    }.joined()
    let account = configuration.user.map { "  user \($0)\n  group \($0)\n" } ?? ""
    return """
      global
        description swiftlet-@FINGERPRINT@
        stats socket \(directory)/runtime.sock mode 600 level admin expose-fd listeners
        hard-stop-after \(configuration.drainSeconds)s
      \(account)
      defaults
        mode http
        option http-keep-alive
        option redispatch
        retries 2
        timeout connect 5s
        timeout client 60s
        timeout server 60s
        timeout http-request 10s
        timeout http-keep-alive 60s
        timeout tunnel 1h

      frontend ingress
      \(bind)\(secure)  # The most precise host first: the name itself, then one label replaced by a star, then every host.
        http-request set-var(txn.name) req.hdr(host),host_only,lower,rtrim(.)
        http-request set-var(txn.host) var(txn.name),map_str(\(directory)/hosts.map)
        http-request set-var(txn.host) var(txn.name),regsub(^[^.]+,*),map_str(\(directory)/hosts.map) if !{ var(txn.host) -m found }
        http-request set-var(txn.host) str(*) if !{ var(txn.host) -m found }
        http-request set-var-fmt(txn.key) "%[var(txn.host)]%[path]"
        http-request set-var-fmt(txn.elements) "%[var(txn.key)]/"
        # An exact path is never shorter than a prefix of it, so it decides before the longest prefix.
        http-request set-var(txn.target) var(txn.key),map_str(\(directory)/exact.map)
        http-request set-var(txn.target) var(txn.elements),map_beg(\(directory)/prefix.map) if !{ var(txn.target) -m found }
        http-request set-var(txn.target) str(\(defaultKey)),map_str(\(directory)/exact.map) if !{ var(txn.target) -m found }
        http-request return status 404 content-type text/plain string "no Ingress has a rule for this host and path\\n" if !{ var(txn.target) -m found }
        http-request set-header X-Forwarded-For %[src]
        http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
        http-request set-header X-Forwarded-Host %[req.hdr(host)]
        http-request set-header X-Forwarded-Port %[dst_port]
        use_backend %[var(txn.target)]
        default_backend \(unavailable)

      backend \(unavailable)
        http-request return status 503 content-type text/plain string "the Ingress's Service or port does not exist\\n"

      """
  }

  private static func listen(_ address: AddressAndPort) -> String {
    switch address.address {
    case .v4: "\(address.address):\(address.port)"
    // The prefix keeps HAProxy from guessing, and v6only from taking IPv4 as well.
    case .v6: "ipv6@\(address.address):\(address.port) v6only"
    }
  }
}
