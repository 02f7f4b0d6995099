public import Addressing

/// A pod, as the planes see it.
public struct Pod: Hashable, Sendable {
  /// A port that a container declares with a name.
  public struct NamedPort: Hashable, Sendable {
    public var name: String
    public var transport: TransportProtocol
    public var number: UInt16

    public init(name: String, transport: TransportProtocol, number: UInt16) {
      self.name = name
      self.transport = transport
      self.number = number
    }
  }

  public var id: NamespacedName
  public var uid = ""
  public var labels: [String: String] = [:]
  /// `spec.nodeName`; nil until it is scheduled.
  public var node: String?
  /// `status.podIPs`, in their order. For a pod with `hostNetwork` they are the node's.
  public var addresses: [IPAddress] = []
  public var isHostNetwork = false
  public var namedPorts: [NamedPort] = []
  /// Phase Succeeded or Failed: it has no network any more.
  public var isTerminal = false
  /// Condition Ready is True.
  public var isReady = false
  public var isTerminating = false
  /// `spec.hostname` and `spec.subdomain`, which give a pod of a headless Service its name.
  public var hostname: String?
  public var subdomain: String?

  public init(id: NamespacedName) { self.id = id }
}
