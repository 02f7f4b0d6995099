internal import Addressing
internal import Glibc
internal import Linux
internal import Netlink

extension PodWiring {
  /// Deletes the tracked connections from and to addresses that nobody has any more, translated or not: else the next pod
  /// that has one of them gets packets of its predecessor's, and its own are translated as the predecessor's were.
  ///
  /// It is done when a pod goes, while nobody waits. IPv4 entries are sought in the kernel; IPv6 ones must be listed, see
  /// `ConntrackFilter`.
  func forgetConnections(of addresses: [IPAddress]) throws {
    guard !addresses.isEmpty else { return }
    // The count is the namespace's own; the table that would be searched is the machine's.
    if (try? Sysctl.read("net/netfilter/nf_conntrack_count", in: node)) == "0" { return }
    do {
      let socket = try ConntrackSocket(namespace: node)
      for address in addresses where address.family == .v4 {
        try socket.delete(of: address)
      }
      let gone = Set(addresses.filter { $0.family == .v6 })
      guard !gone.isEmpty else { return }
      let flows = try socket.flows(ConntrackFilter(.v6)).filter { flow in
        gone.contains(flow.original.source) || gone.contains(flow.reply.source)
      }
      try socket.delete(flows)
    } catch let error as NetlinkError where [EINVAL, EOPNOTSUPP, EPROTONOSUPPORT].contains(error.code) {
      return  // a kernel that tracks no connections remembers none
    }
  }
}
