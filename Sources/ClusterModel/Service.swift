package import Addressing

/// A Service, as proxies and DNS see it.
package struct Service: Hashable, Sendable {
  /// `spec.type` (ServiceSpec of core/v1).
  package enum Kind: String, Hashable, Sendable {
    case clusterIP = "ClusterIP"
    case nodePort = "NodePort"
    case loadBalancer = "LoadBalancer"
    case externalName = "ExternalName"
  }

  /// One port of a Service (ServicePort of core/v1).
  package struct Port: Hashable, Sendable {
    /// Empty where a Service with one port gives it no name.
    package var name: String
    package var transport: TransportProtocol
    package var port: UInt16
    package var target: PortReference
    package var nodePort: UInt16?

    package init(
      name: String = "", transport: TransportProtocol = .tcp, port: UInt16, target: PortReference? = nil,
      nodePort: UInt16? = nil
    ) {
      self.name = name
      self.transport = transport
      self.port = port
      self.target = target ?? .number(port)
      self.nodePort = nodePort
    }
  }

  package var id: NamespacedName
  package var kind = Kind.clusterIP
  /// `spec.clusterIPs`; empty for headless Services and ExternalName.
  package var clusterAddresses: [IPAddress] = []
  /// `spec.clusterIP` is "None".
  package var isHeadless = false
  package var externalName: String?
  package var ports: [Port] = []
  package var labels: [String: String] = [:]
  package var selector: [String: String] = [:]
  package var externalAddresses: [IPAddress] = []
  /// `status.loadBalancer.ingress[].ip` whose ipMode is not Proxy.
  package var loadBalancerAddresses: [IPAddress] = []
  /// Those addresses come from a LoadBalancerPool of ours, so that our nodes announce them: the condition
  /// `swiftlet.dev/AddressesAllocated` is True.
  package var isAddressPooled = false
  package var sourceRanges: [Prefix] = []
  /// `sessionAffinity: ClientIP` with its timeout in seconds; nil for none.
  package var affinityTimeout: Int?
  /// `internalTrafficPolicy: Local`: the cluster addresses lead to endpoints of the client's own node only.
  package var isInternalTrafficLocal = false
  /// `externalTrafficPolicy: Local`: the outer addresses lead to endpoints of the receiving node only, with the
  /// client's address kept.
  package var isExternalTrafficLocal = false
  /// `spec.healthCheckNodePort`, where a load balancer asks each node for endpoints of its own.
  package var healthCheckNodePort: UInt16?
  /// False with label `service.kubernetes.io/service-proxy-name`: another proxy serves it (KEP-2447).
  package var isProxied = true
  /// Endpoints count, and have names, before they are ready.
  package var publishNotReadyAddresses = false

  package init(id: NamespacedName) { self.id = id }
}
