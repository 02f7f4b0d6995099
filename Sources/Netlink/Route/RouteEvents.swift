internal import CLinux
package import Linux

/// What the kernel told all listeners.
package enum RouteEvent: Hashable, Sendable {
  /// A link was made or changed.
  case link(Link)
  case linkRemoved(Link)
  case address(InterfaceAddress)
  case addressRemoved(InterfaceAddress)
  case route(Route)
  case routeRemoved(Route)
  case neighbour(Neighbour)
  case neighbourRemoved(Neighbour)
  case forwardingEntry(ForwardingEntry)
  case forwardingEntryRemoved(ForwardingEntry)
  case rule(RoutingRule)
  case ruleRemoved(RoutingRule)
  /// More came than the socket could hold: whoever keeps a picture must read everything anew.
  case lost

  /// nil for messages of no interest here.
  package init?(_ message: NetlinkMessage) {
    let event: RouteEvent? =
      switch Int(message.type) {
      case RTM_NEWLINK: Link(message).map { .link($0) }
      case RTM_DELLINK: Link(message).map { .linkRemoved($0) }
      case RTM_NEWADDR: InterfaceAddress(message).map { .address($0) }
      case RTM_DELADDR: InterfaceAddress(message).map { .addressRemoved($0) }
      case RTM_NEWROUTE: Route(message).map { .route($0) }
      case RTM_DELROUTE: Route(message).map { .routeRemoved($0) }
      case RTM_NEWNEIGH:
        Neighbour(message).map { .neighbour($0) } ?? ForwardingEntry(message).map { .forwardingEntry($0) }
      case RTM_DELNEIGH:
        Neighbour(message).map { .neighbourRemoved($0) } ?? ForwardingEntry(message).map { .forwardingEntryRemoved($0) }
      case RTM_NEWRULE: RoutingRule(message).map { .rule($0) }
      case RTM_DELRULE: RoutingRule(message).map { .ruleRemoved($0) }
      default: nil
      }
    guard let event else { return nil }
    self = event
  }
}

/// A socket that hears of changes of one network namespace. Not for use by two threads at once.
package final class RouteEventSocket {
  /// What to hear of.
  package enum Topic: Sendable, CaseIterable {
    case links, addresses, routes, neighbours, rules

    fileprivate var groups: [UInt32] {
      switch self {
      case .links: [RTNLGRP_LINK.rawValue]
      case .addresses: [RTNLGRP_IPV4_IFADDR.rawValue, RTNLGRP_IPV6_IFADDR.rawValue]
      case .routes: [RTNLGRP_IPV4_ROUTE.rawValue, RTNLGRP_IPV6_ROUTE.rawValue]
      case .neighbours: [RTNLGRP_NEIGH.rawValue]
      case .rules: [RTNLGRP_IPV4_RULE.rawValue, RTNLGRP_IPV6_RULE.rawValue]
      }
    }
  }

  private let socket: NetlinkSocket

  /// The descriptor's number, for an `EventLoop`.
  package var raw: CInt { socket.descriptor.raw }

  /// `namespace` nil is the caller's own.
  package init(_ topics: [Topic], namespace: NetworkNamespace? = nil) throws(SystemError) {
    socket = try NetlinkSocket(NETLINK_ROUTE, namespace: namespace)
    socket.setBuffers(receive: 1 << 20)
    for topic in topics { for group in topic.groups { try socket.join(group: group) } }
  }

  /// The events of one datagram; waits for it, unless `wait` is false: then none is an empty array.
  package func receive(wait: Bool = true) throws(SystemError) -> [RouteEvent] {
    do {
      return try socket.receive(flags: wait ? 0 : CInt(MSG_DONTWAIT)).compactMap(RouteEvent.init)
    } catch  where error.code == ENOBUFS {
      return [.lost]
    } catch  where error.code == EAGAIN {
      return []
    }
  }
}
