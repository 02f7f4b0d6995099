package import Addressing
internal import CLinux
package import Linux

extension RouteRequest {
  /// What a new link is.
  package enum LinkKind: Sendable {
    case bridge
    /// A device that hands packets back where they were redirected from, after its own queue.
    case intermediate
    case vxlan(Link.VXLAN)
    case ipip(Link.IPIP)
    /// Keys, port and peers are set by `WireGuardSocket`.
    case wireguard
    /// A pair; the other end is made directly where it belongs, so that it never shows up elsewhere.
    /// It cannot be set up in the same request (ENOTCONN: the kernel joins the two only afterwards).
    case veth(peer: LinkSettings, in: NetworkNamespace?)
  }

  /// Properties of a link that a request sets; nil leaves them to the kernel.
  package struct LinkSettings: Sendable {
    /// The name to get.
    package var name: String?
    package var mac: MACAddress?
    package var mtu: Int?
    /// The bridge to become a port of; 0 releases it.
    package var master: Int32?
    package var isUp: Bool?
    /// Free text; the kernel takes it in `setLink` only.
    package var alias: String?
    /// The namespace to move to.
    package var namespace: NetworkNamespace?

    package init(
      name: String? = nil, mac: MACAddress? = nil, mtu: Int? = nil, master: Int32? = nil, isUp: Bool? = nil,
      alias: String? = nil, namespace: NetworkNamespace? = nil
    ) {
      self.name = name
      self.mac = mac
      self.mtu = mtu
      self.master = master
      self.isUp = isUp
      self.alias = alias
      self.namespace = namespace
    }

    fileprivate var flags: UInt32 { isUp == true ? UInt32(swiftlet_IFF_UP) : 0 }
    fileprivate var change: UInt32 { isUp == nil ? 0 : UInt32(swiftlet_IFF_UP) }

    fileprivate func write(to writer: inout NetlinkWriter) {
      if let name { writer.attribute(Int(IFLA_IFNAME), name) }
      if let mac { writer.attribute(Int(IFLA_ADDRESS), mac) }
      if let mtu { writer.attribute(Int(IFLA_MTU), UInt32(mtu)) }
      if let master { writer.attribute(Int(IFLA_MASTER), master) }
      if let alias { writer.attribute(Int(IFLA_IFALIAS), alias) }
      if let namespace { writer.attribute(Int(IFLA_NET_NS_FD), namespace.descriptor.raw) }
    }
  }

  /// Makes a link. EEXIST if the name is taken.
  package static func addLink(_ kind: LinkKind, _ settings: LinkSettings) -> RouteRequest {
    RouteRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, "add link \(settings.name ?? "")") { writer in
      writer.append(link: nil, flags: settings.flags, change: settings.change)
      settings.write(to: &writer)
      writer.nested(Int(IFLA_LINKINFO)) { writer in
        switch kind {
        case .bridge: writer.attribute(Int(IFLA_INFO_KIND), "bridge")
        case .intermediate: writer.attribute(Int(IFLA_INFO_KIND), "ifb")
        case .vxlan(let vxlan):
          writer.attribute(Int(IFLA_INFO_KIND), "vxlan")
          writer.nested(Int(IFLA_INFO_DATA)) { vxlan.write(to: &$0) }
        case .ipip(let ipip):
          writer.attribute(Int(IFLA_INFO_KIND), "ipip")
          writer.nested(Int(IFLA_INFO_DATA)) { ipip.write(to: &$0) }
        case .wireguard: writer.attribute(Int(IFLA_INFO_KIND), "wireguard")
        case .veth(let peer, let namespace):
          writer.attribute(Int(IFLA_INFO_KIND), "veth")
          writer.nested(Int(IFLA_INFO_DATA)) { writer in
            writer.nested(Int(VETH_INFO_PEER)) { writer in
              writer.append(link: nil, flags: peer.flags, change: peer.change)
              peer.write(to: &writer)
              if let namespace { writer.attribute(Int(IFLA_NET_NS_FD), namespace.descriptor.raw) }
            }
          }
        }
      }
    }
  }

  /// Changes a link. To rename one it must be named by its index.
  package static func setLink(_ link: LinkReference, _ settings: LinkSettings) -> RouteRequest {
    RouteRequest(RTM_NEWLINK, "change link \(link)") { writer in
      writer.append(link: link, flags: settings.flags, change: settings.change)
      settings.write(to: &writer)
    }
  }

  package static func deleteLink(_ link: LinkReference) -> RouteRequest {
    RouteRequest(RTM_DELLINK, "delete link \(link)") { $0.append(link: link) }
  }

  /// Changes what a bridge does with one of its ports.
  ///
  /// - Parameters:
  ///   - hairpin: packets may leave by the port they came in by.
  ///   - isolated: it exchanges packets only with ports that are not isolated.
  ///   - learning: source addresses are learned.
  package static func setBridgePort(
    _ index: Int32, hairpin: Bool? = nil, isolated: Bool? = nil, learning: Bool? = nil
  ) -> RouteRequest {
    RouteRequest(RTM_SETLINK, "change bridge port #\(index)") { writer in
      writer.append(link: .index(index), family: AF_BRIDGE)
      writer.nested(Int(IFLA_PROTINFO)) { writer in
        if let hairpin { writer.attribute(Int(IFLA_BRPORT_MODE), UInt8(hairpin ? 1 : 0)) }
        if let isolated { writer.attribute(Int(IFLA_BRPORT_ISOLATED), UInt8(isolated ? 1 : 0)) }
        if let learning { writer.attribute(Int(IFLA_BRPORT_LEARNING), UInt8(learning ? 1 : 0)) }
      }
    }
  }
}

extension Link.VXLAN {
  func write(to writer: inout NetlinkWriter) {
    writer.attribute(Int(IFLA_VXLAN_ID), id)
    writer.attribute(Int(IFLA_VXLAN_PORT), bigEndian: port)
    writer.attribute(Int(IFLA_VXLAN_LEARNING), UInt8(learns ? 1 : 0))
    if let underlay { writer.attribute(Int(IFLA_VXLAN_LINK), underlay) }
    if let local {
      writer.attribute(local.family == .v4 ? Int(IFLA_VXLAN_LOCAL) : Int(IFLA_VXLAN_LOCAL6), local)
    }
  }
}
