internal import Addressing
internal import CLinux
internal import Glibc
package import Linux
package import Netlink

/// The node's own link towards its pods: a bridge that holds the gateway addresses and the route to the Services. Pods are
/// its ports, or, where they are routed, it has none and is only where the node's addresses are: the kernel makes no true
/// IPv6 route to `lo`, and not every kernel has `dummy`.
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

  /// The bridge with its addresses and routes, made if it is missing. What is there already costs one look.
  package func ensure(_ configuration: NetworkConfiguration) throws -> Link {
    let link = try existing(configuration)
    if configuration.wiring == .sharedBridge, let bridge = link.bridge, !bridge.callsIPTables || !bridge.callsIP6Tables
    {
      try passPacketsToRules(link)
    }
    let requests = addresses(configuration, index: link.index)
    let failures = try routes.failures(requests)
    if let failure = failures.first(where: { $0.code != EEXIST }) { throw failure }
    // News are rare: the node got another range, or its first pod.
    if failures.count < requests.count { try removeStaleGateways(keeping: configuration) }
    return link
  }

  /// It is set up last: while it is down, whoever comes completes what another began, so that many may do this at the same
  /// moment.
  private func existing(_ configuration: NetworkConfiguration) throws -> Link {
    if let link = try link(), link.isUp { return link }
    let gateways = configuration.rangeSets.flatMap(\.gateways)
    guard let first = gateways.first else { throw CNIError(.invalidConfiguration, "ipam.ranges is empty") }
    // With an address of its own the bridge does not take over that of the lowest port when ports come and go. Its MTU
    // follows the smallest port, because it is given at birth and never set: what leaves for any pod fits, and after the
    // agent chose another MTU, senders are told (RFC 1191, RFC 8201) as long as pods of both kinds live.
    let settings = RouteRequest.LinkSettings(
      name: name, mac: PodLink.mac(for: first.address), mtu: configuration.mtu)
    try routes.perform(.addLink(.bridge, settings).accepting(EEXIST))
    guard let link = try link() else { throw CNIError(.tryAgain, "bridge \(name) vanished while it was being set up") }
    try setSysctls(ipv6: gateways.contains { $0.address.family == .v6 })
    try routes.perform(.setLink(.index(link.index), .init(isUp: true)))
    return link
  }

  /// Gateway addresses and Service ranges. A bridge that came from somebody else keeps what it has.
  private func addresses(_ configuration: NetworkConfiguration, index: Int32) -> [RouteRequest] {
    configuration.rangeSets.flatMap(\.gateways).map { gateway in
      .addAddress(
        InterfaceAddress(
          interface: index, gateway.address, prefixLength: gateway.prefixLength, protocolNumber: Route.ownProtocol),
        existing: .isAnError)
    }
      + configuration.serviceRanges.map { .addRoute(Route($0, interface: index), existing: .isAnError) }
  }

  /// Has what one port sends to another pass the node's rules, for this bridge alone: the sysctl would do it for all.
  private func passPacketsToRules(_ link: Link) throws {
    guard (try? Sysctl.read("net/bridge/bridge-nf-call-iptables", in: namespace)) != nil else {
      throw CNIError(
        .invalidConfiguration,
        "wiring \(WiringMode.sharedBridge.rawValue) needs the kernel module br_netfilter, else Services and policy do not "
          + "see what pods of one node send each other; load it (modprobe br_netfilter) or use wiring bridge")
    }
    try routes.perform(.setBridge(.index(link.index), callsIPTables: true, callsIP6Tables: true))
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
