internal import CLinux

extension RouteSocket {
  /// All links, or those of one master (a bridge's ports) or one kind.
  package func links(master: Int32? = nil, kind: String? = nil) throws -> [Link] {
    try socket.dump("list links", type: UInt16(RTM_GETLINK)) { writer in
      writer.append(structure: ifinfomsg())
      writer.attribute(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
      if let master { writer.attribute(Int(IFLA_MASTER), master) }
      if let kind { writer.nested(Int(IFLA_LINKINFO)) { $0.attribute(Int(IFLA_INFO_KIND), kind) } }
    }
    .compactMap(Link.init)
    .filter { (master == nil || $0.master == master) && (kind == nil || $0.kind == kind) }
  }

  /// One link; nil if there is none of this name or index.
  package func link(_ reference: LinkReference) throws -> Link? {
    do {
      return try socket.request("look up link \(reference)", type: UInt16(RTM_GETLINK)) { writer in
        writer.append(link: reference)
        writer.attribute(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
      }
      .flatMap(Link.init)
    } catch let error as NetlinkError where error.code == ENODEV {
      return nil
    }
  }
}

extension NetlinkWriter {
  /// An ifinfomsg for a link, with its name as the first attribute where that is what we know.
  mutating func append(
    link reference: LinkReference?, family: CInt = AF_UNSPEC, flags: UInt32 = 0, change: UInt32 = 0
  ) {
    var header = ifinfomsg()
    header.ifi_family = UInt8(family)
    header.ifi_flags = flags
    header.ifi_change = change
    if case .index(let index) = reference { header.ifi_index = index }
    append(structure: header)
    if case .name(let name) = reference { attribute(Int(IFLA_IFNAME), name) }
  }
}
