public import Addressing

/// An Ingress (networking.k8s.io/v1).
public struct Ingress: Hashable, Sendable {
  public enum PathType: String, Hashable, Sendable {
    case exact = "Exact"
    case prefix = "Prefix"
    case implementationSpecific = "ImplementationSpecific"
  }

  /// A Service port of the Ingress's namespace.
  public struct Backend: Hashable, Sendable {
    public var service: String
    public var port: PortReference

    public init(service: String, port: PortReference) {
      self.service = service
      self.port = port
    }
  }

  public struct Path: Hashable, Sendable {
    /// Empty or beginning with "/".
    public var path: String
    public var type: PathType
    public var backend: Backend

    public init(path: String, type: PathType, backend: Backend) {
      self.path = path
      self.type = type
      self.backend = backend
    }
  }

  public struct Rule: Hashable, Sendable {
    /// nil: every host. `*.example.com` stands for exactly one more label.
    public var host: String?
    public var paths: [Path]

    public init(host: String? = nil, paths: [Path]) {
      self.host = host
      self.paths = paths
    }
  }

  public struct TLS: Hashable, Sendable {
    public var hosts: [String]
    /// Name of a Secret of type kubernetes.io/tls in the Ingress's namespace.
    public var secret: String?

    public init(hosts: [String], secret: String?) {
      self.hosts = hosts
      self.secret = secret
    }
  }

  public var id: NamespacedName
  /// `spec.ingressClassName`, or the legacy annotation `kubernetes.io/ingress.class`.
  public var className: String?
  public var defaultBackend: Backend?
  public var rules: [Rule] = []
  public var tls: [TLS] = []
  /// `metadata.creationTimestamp`: of two Ingresses that claim the same path the older one has it.
  public var created = ""
  /// `status.loadBalancer.ingress[].ip`: where a gateway says it serves this.
  public var statusAddresses: [IPAddress] = []

  public init(id: NamespacedName) { self.id = id }
}

/// An IngressClass.
public struct IngressClass: Hashable, Sendable {
  public var name: String
  public var controller: String
  public var isDefault: Bool

  public init(name: String, controller: String, isDefault: Bool = false) {
    self.name = name
    self.controller = controller
    self.isDefault = isDefault
  }
}

/// A Secret of type kubernetes.io/tls: PEM bytes.
public struct Certificate: Hashable, Sendable {
  public var id: NamespacedName
  public var chain: [UInt8]
  public var key: [UInt8]

  public init(id: NamespacedName, chain: [UInt8], key: [UInt8]) {
    self.id = id
    self.chain = chain
    self.key = key
  }
}
