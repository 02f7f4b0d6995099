internal import CLinux

extension RouteRequest {
  /// Makes a link of a kind that needs no more than its name, such as `dummy`, `ipip` or `wireguard`; EOPNOTSUPP if the
  /// kernel has no such kind.
  package static func addLink(kind: String, _ settings: LinkSettings) -> RouteRequest {
    RouteRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, "add \(kind) link \(settings.name ?? "")") { writer in
      writer.append(link: nil)
      if let name = settings.name { writer.attribute(Int(IFLA_IFNAME), name) }
      writer.nested(Int(IFLA_LINKINFO)) { $0.attribute(Int(IFLA_INFO_KIND), kind) }
    }
  }
}
