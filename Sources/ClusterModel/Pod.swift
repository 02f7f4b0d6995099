package import Addressing

/// A pod, as the planes see it.
package struct Pod: Hashable, Sendable {
  /// A port that a container declares with a name.
  package struct NamedPort: Hashable, Sendable {
    package var name: String
    package var transport: TransportProtocol
    package var number: UInt16

    package init(name: String, transport: TransportProtocol, number: UInt16) {
      self.name = name
      self.transport = transport
      self.number = number
    }
  }

  package var id: NamespacedName
  package var uid = ""
  package var labels: [String: String] = [:]
  /// `spec.nodeName`; nil until it is scheduled.
  package var node: String?
  /// `status.podIPs`, in their order. For a pod with `hostNetwork` they are the node's.
  package var addresses: [IPAddress] = []
  /// The pod shares its node's namespace and has no address of its own.
  package var isHostNetwork = false
  package var namedPorts: [NamedPort] = []
  /// Phase Succeeded or Failed: it has no network any more.
  package var isTerminal = false
  /// Condition Ready is True.
  package var isReady = false
  /// Deletion was asked for.
  package var isTerminating = false
  /// `spec.hostname` and `spec.subdomain`, which give a pod of a headless Service its name.
  package var hostname: String?
  package var subdomain: String?

  package init(id: NamespacedName) { self.id = id }
}
