internal import CLinux

extension Link {
  /// What a bridge does with the packets it passes from port to port.
  package struct Bridge: Hashable, Sendable {
    /// They go through the hooks of IPv4 and IPv6, where rules of families ip, ip6 and inet see them. Needs br_netfilter;
    /// the sysctls of the same names switch it on for all bridges of the namespace, whatever is here.
    package var callsIPTables = false
    package var callsIP6Tables = false

    init(_ data: NetlinkAttributes) {
      callsIPTables = data[Int(IFLA_BR_NF_CALL_IPTABLES)]?.number(UInt8.self) == 1
      callsIP6Tables = data[Int(IFLA_BR_NF_CALL_IP6TABLES)]?.number(UInt8.self) == 1
    }
  }
}

extension RouteRequest {
  /// Has packets between the ports of a bridge go through the hooks of IPv4 and IPv6, or not.
  package static func setBridge(_ link: LinkReference, callsIPTables: Bool, callsIP6Tables: Bool) -> RouteRequest {
    RouteRequest(RTM_NEWLINK, "change bridge \(link)") { writer in
      writer.append(link: link)
      writer.nested(Int(IFLA_LINKINFO)) { writer in
        writer.attribute(Int(IFLA_INFO_KIND), "bridge")
        writer.nested(Int(IFLA_INFO_DATA)) { writer in
          writer.attribute(Int(IFLA_BR_NF_CALL_IPTABLES), UInt8(callsIPTables ? 1 : 0))
          writer.attribute(Int(IFLA_BR_NF_CALL_IP6TABLES), UInt8(callsIP6Tables ? 1 : 0))
        }
      }
    }
  }

  /// Has the kernel give a link no link-local IPv6 address by itself; in force when the link is next set up. The kernel
  /// takes this only for a link that exists.
  package static func withoutLinkLocalAddress(_ link: LinkReference) -> RouteRequest {
    RouteRequest(RTM_NEWLINK, "change how link \(link) gets its link-local address") { writer in
      writer.append(link: link)
      writer.nested(Int(IFLA_AF_SPEC)) { writer in
        writer.nested(Int(AF_INET6)) { writer in
          writer.attribute(Int(IFLA_INET6_ADDR_GEN_MODE), UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue))
        }
      }
    }
  }
}
