internal import Addressing
internal import CLinux
internal import Glibc
package import Linux
package import Netlink

/// The bridge that a node's pods are connected to. It holds the gateway addresses; pods reach everything through them.
package struct NodeBridge {
  package let name: String
  let routes: RouteSocket
  /// The node's namespace; nil is the caller's own.
  let namespace: NetworkNamespace?

  package init(_ name: String, routes: RouteSocket, namespace: NetworkNamespace? = nil) {
    self.name = name
    self.routes = routes
    self.namespace = namespace
  }

  /// The bridge as it is; nil if there is none.
  func link() throws -> Link? {
    guard let link = try routes.link(.name(name)) else { return nil }
    guard link.kind == "bridge" else {
      throw CNIError(
        .invalidConfiguration,
        "bridge: \(name) exists but is a link of kind \(link.kind ?? "none"); name another, or delete it")
    }
    return link
  }

  /// The bridge, made if it is missing. It is set up last: while it is down, whoever comes completes what another began,
  /// so that many may do this at the same moment.
  package func ensure(_ configuration: NetworkConfiguration) throws -> Link {
    if let link = try link(), link.isUp { return link }
    let gateways = configuration.rangeSets.flatMap(\.gateways)
    guard let first = gateways.first else { throw CNIError(.invalidConfiguration, "ipam.ranges is empty") }
    // With an address of its own the bridge does not take over that of the lowest port when ports come and go.
    let settings = RouteRequest.LinkSettings(
      name: name, mac: PodLink.mac(for: first.address), mtu: configuration.mtu)
    try routes.perform(.addLink(.bridge, settings).accepting(EEXIST))
    guard let link = try link() else { throw CNIError(.tryAgain, "bridge \(name) vanished while it was being set up") }
    try setSysctls(ipv6: gateways.contains { $0.address.family == .v6 })
    try routes.perform(.setLink(.index(link.index), .init(isUp: true)))
    return link
  }

  /// Addresses and routes of the bridge; those that are there already cost nothing.
  func requests(_ configuration: NetworkConfiguration, index: Int32) -> [RouteRequest] {
    configuration.rangeSets.flatMap(\.gateways).map { gateway in
      .addAddress(
        InterfaceAddress(interface: index, gateway.address, prefixLength: gateway.prefixLength), existing: .isAnError
      ).accepting(EEXIST)
    }
      + configuration.serviceRanges.map {
        .addRoute(Route($0, interface: index), existing: .isAnError).accepting(EEXIST)
      }
  }

  /// Packets between pods of one node come in and leave by the bridge, which the kernel would tell the pods to shorten.
  private func setSysctls(ipv6: Bool) throws {
    var settings = [
      ("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/send_redirects", "0"),
      ("net/ipv4/conf/\(name)/send_redirects", "0"),
    ]
    if ipv6 {
      settings += [
        ("net/ipv6/conf/all/forwarding", "1"), ("net/ipv6/conf/\(name)/disable_ipv6", "0"),
        ("net/ipv6/conf/\(name)/accept_ra", "0"), ("net/ipv6/conf/\(name)/accept_dad", "0"),
      ]
    }
    for (name, value) in settings where try Sysctl.read(name, in: namespace) != value {
      try Sysctl.write(name, value, in: namespace)
    }
  }
}
