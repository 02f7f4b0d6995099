public import Addressing

/// A node, as routing and endpoints see it.
public struct Node: Hashable, Sendable {
  public var name: String
  public var labels: [String: String] = [:]
  public var annotations: [String: String] = [:]
  /// `status.addresses` of type InternalIP, in their order.
  public var addresses: [IPAddress] = []
  /// `spec.podCIDRs`; empty until the control plane has given some.
  public var podRanges: [Prefix] = []
  /// Condition Ready is True.
  public var isReady = false

  public init(name: String) { self.name = name }

  /// Label `topology.kubernetes.io/zone`.
  public var zone: String? { labels["topology.kubernetes.io/zone"] }
}

/// A namespace, as policy selectors see it.
public struct Namespace: Hashable, Sendable {
  public var name: String
  public var labels: [String: String] = [:]

  public init(name: String) { self.name = name }
}
