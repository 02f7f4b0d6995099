package import Addressing

extension Link {
  /// What makes a link an IP-in-IP tunnel end (RFC 2003).
  package struct IPIP: Hashable, Sendable {
    /// Our own address outside the tunnel.
    package var local: IPAddress?
    /// The other end; nil takes it from the route's gateway, packet by packet.
    package var remote: IPAddress?

    package init(local: IPAddress?, remote: IPAddress? = nil) {
      self.local = local
      self.remote = remote
    }
  }
}

extension Link.IPIP {
  // linux/if_tunnel.h; the header itself clashes with net/if.h.
  private static let localType = 2
  private static let remoteType = 3
  private static let pathMTUDiscoveryType = 10

  init(_ data: NetlinkAttributes) {
    local = data[Self.localType]?.address.flatMap { $0.isUnspecified ? nil : $0 }
    remote = data[Self.remoteType]?.address.flatMap { $0.isUnspecified ? nil : $0 }
  }

  func write(to writer: inout NetlinkWriter) {
    if let local { writer.attribute(Self.localType, local) }
    if let remote { writer.attribute(Self.remoteType, remote) }
    writer.attribute(Self.pathMTUDiscoveryType, UInt8(1))
  }
}
