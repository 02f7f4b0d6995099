/// The name of a namespaced object.
public struct NamespacedName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var namespace: String
  public var name: String

  public init(_ namespace: String, _ name: String) {
    self.namespace = namespace
    self.name = name
  }

  /// `namespace/name`, as Kubernetes writes keys.
  public var description: String { "\(namespace)/\(name)" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}

/// A transport protocol that Services and policies know.
public enum TransportProtocol: String, Hashable, Comparable, Sendable, CaseIterable {
  case tcp = "TCP"
  case udp = "UDP"
  case sctp = "SCTP"

  /// The IANA protocol number.
  public var number: UInt8 {
    switch self {
    case .tcp: 6
    case .udp: 17
    case .sctp: 132
    }
  }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// A port by number or by the name a container gave it (IntOrString of the API).
public enum PortReference: Hashable, Sendable {
  case number(UInt16)
  case name(String)
}
