package import Addressing

/// An Ingress (networking.k8s.io/v1).
package struct Ingress: Hashable, Sendable {
  /// How a path is compared (`pathType` of networking/v1).
  package enum PathType: String, Hashable, Sendable {
    case exact = "Exact"
    case prefix = "Prefix"
    case implementationSpecific = "ImplementationSpecific"
  }

  /// A Service port of the Ingress's namespace.
  package struct Backend: Hashable, Sendable {
    package var service: String
    package var port: PortReference

    package init(service: String, port: PortReference) {
      self.service = service
      self.port = port
    }
  }

  /// A path of a host and where it leads.
  package struct Path: Hashable, Sendable {
    /// Empty or beginning with "/".
    package var path: String
    package var type: PathType
    package var backend: Backend

    package init(path: String, type: PathType, backend: Backend) {
      self.path = path
      self.type = type
      self.backend = backend
    }
  }

  /// The paths of one host.
  package struct Rule: Hashable, Sendable {
    /// nil: every host. `*.example.com` stands for exactly one more label.
    package var host: String?
    package var paths: [Path]

    package init(host: String? = nil, paths: [Path]) {
      self.host = host
      self.paths = paths
    }
  }

  /// Hosts served with TLS, and the Secret that holds their certificate.
  package struct TLS: Hashable, Sendable {
    package var hosts: [String]
    /// Name of a Secret of type kubernetes.io/tls in the Ingress's namespace.
    package var secret: String?

    package init(hosts: [String], secret: String?) {
      self.hosts = hosts
      self.secret = secret
    }
  }

  package var id: NamespacedName
  /// `spec.ingressClassName`, or the legacy annotation `kubernetes.io/ingress.class`.
  package var className: String?
  package var defaultBackend: Backend?
  package var rules: [Rule] = []
  package var tls: [TLS] = []
  /// `metadata.creationTimestamp`: of two Ingresses that claim the same path the older one has it.
  package var created = ""
  /// `status.loadBalancer.ingress[].ip`: where a gateway says it serves this.
  package var statusAddresses: [IPAddress] = []

  package init(id: NamespacedName) { self.id = id }
}

/// An IngressClass.
package struct IngressClass: Hashable, Sendable {
  package var name: String
  package var controller: String
  package var isDefault: Bool

  package init(name: String, controller: String, isDefault: Bool = false) {
    self.name = name
    self.controller = controller
    self.isDefault = isDefault
  }
}

/// A Secret of type kubernetes.io/tls: PEM bytes.
package struct Certificate: Hashable, Sendable {
  package var id: NamespacedName
  package var chain: [UInt8]
  package var key: [UInt8]

  package init(id: NamespacedName, chain: [UInt8], key: [UInt8]) {
    self.id = id
    self.chain = chain
    self.key = key
  }
}
