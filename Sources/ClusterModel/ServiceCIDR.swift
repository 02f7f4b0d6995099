package import Addressing

/// A range that addresses of Services are given out from (ServiceCIDR of networking.k8s.io/v1, KEP-1880).
package struct ServiceCIDR: Hashable, Sendable {
  package var name: String
  /// `spec.cidrs`: one, or one of each family.
  package var ranges: [Prefix] = []

  package init(name: String) { self.name = name }
}
