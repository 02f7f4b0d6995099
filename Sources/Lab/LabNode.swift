package import Addressing

/// A node of the lab: a network namespace with an address on the node network.
package struct LabNode: Hashable, Sendable {
  package let name: String
  package let address: IPAddress
  /// Runs HAProxy for Ingress objects.
  package let isGateway: Bool

  package init(name: String, address: IPAddress, isGateway: Bool = false) {
    self.name = name
    self.address = address
    self.isGateway = isGateway
  }
}
