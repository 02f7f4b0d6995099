internal import Addressing
internal import Glibc
internal import Netlink

extension NodeBridge {
  /// Removes gateway addresses of ranges that the node no longer has, once no pod has an address of them. Only addresses
  /// that we gave go (kernels from 5.18 on remember who gave one). Returns what was removed.
  @discardableResult
  func removeStaleGateways(keeping configuration: NetworkConfiguration) throws -> [IPAddress] {
    guard let index = try link()?.index else { return [] }
    let wanted = Set(configuration.rangeSets.flatMap(\.gateways).map(\.address))
    let stale = try routes.addresses(interface: index).filter { address in
      address.protocolNumber == Route.ownProtocol && !wanted.contains(address.address)
    }
    if stale.isEmpty { return [] }
    // Every pod that was wired has a permanent neighbour entry, on the bridge or on its own link.
    let pods = try routes.neighbours().filter { $0.state == Neighbour.permanent }.map(\.address)
    let unused = stale.filter { gateway in
      let range = Prefix(gateway.address, length: gateway.prefixLength)
      return !pods.contains { range.contains($0) }
    }
    for address in unused { try routes.perform(.deleteAddress(address).accepting(EADDRNOTAVAIL)) }
    return unused.map(\.address)
  }
}
