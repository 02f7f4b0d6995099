/// The name of a namespaced object.
package struct NamespacedName: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var namespace: String
  package var name: String

  package init(_ namespace: String, _ name: String) {
    self.namespace = namespace
    self.name = name
  }

  /// `namespace/name`, as Kubernetes writes keys.
  package var description: String { "\(namespace)/\(name)" }

  package static func < (left: Self, right: Self) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}

/// A transport protocol that Services and policies know.
package enum TransportProtocol: String, Hashable, Comparable, Sendable, CaseIterable {
  case tcp = "TCP"
  case udp = "UDP"
  case sctp = "SCTP"

  /// The IANA protocol number.
  package var number: UInt8 {
    switch self {
    case .tcp: 6
    case .udp: 17
    case .sctp: 132
    }
  }

  package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// A port by number or by the name a container gave it (IntOrString of the API).
package enum PortReference: Hashable, Sendable {
  case number(UInt16)
  case name(String)
}
