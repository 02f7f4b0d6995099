package import Addressing
internal import CLinux
internal import Glibc
package import Linux

/// A connection to the tracker (ctnetlink) of one network namespace. Not for use by two threads at once.
package final class ConntrackSocket {
  private let socket: NetlinkSocket

  /// `namespace` nil is the caller's own.
  package init(namespace: NetworkNamespace? = nil) throws(SystemError) {
    socket = try NetlinkSocket(NETLINK_NETFILTER, namespace: namespace)
    socket.setBuffers(receive: 4 << 20)
  }

  /// The connections a filter means. The kernel filters by addresses and protocol where it can (5.8 and later), so that
  /// only those are copied; the rest is done here.
  package func flows(_ filter: ConntrackFilter) throws -> [ConntrackFlow] {
    let messages = try socket.dump("list tracked connections", type: Self.type(IPCTNL_MSG_CT_GET)) { writer in
      writer.append(structure: Self.header(filter.family))
      filter.encode(into: &writer)
    }
    return messages.compactMap { ConntrackFlow($0) }.filter { filter.matches($0) }
  }

  /// Deletes connections and returns how many there were still.
  @discardableResult
  package func delete(_ flows: some Sequence<ConntrackFlow>) throws -> Int {
    var count = 0
    for flow in flows {
      do {
        try socket.request("delete a tracked connection", type: Self.type(IPCTNL_MSG_CT_DELETE)) { writer in
          writer.append(structure: Self.header(flow.original.source.family))
          writer.append(bytes: flow.identity)
        }
        count += 1
      } catch let error as NetlinkError where error.code == ENOENT {
        continue  // it ended by itself meanwhile
      }
    }
    return count
  }

  /// Deletes the connections of an IPv4 address in one request: those it opened and those it answers, translated or not.
  /// Kernels from 6.11 on seek and delete by themselves, which costs a tenth of a listing (that locks every bucket, used
  /// or not); others refuse the request (EINVAL: a tuple without a protocol), and it is done by listing.
  package func delete(of address: IPAddress) throws {
    precondition(address.family == .v4, "the kernel's filter takes IPv6 addresses the wrong way round")
    for filter in [ConntrackFilter(.v4, originalSource: address), ConntrackFilter(.v4, replySource: address)] {
      do {
        try socket.request(
          "delete tracked connections of \(address)", type: Self.type(IPCTNL_MSG_CT_DELETE)
        ) { writer in
          writer.append(structure: Self.header(.v4))
          filter.encode(into: &writer)
        }
      } catch let error as NetlinkError where error.code == EINVAL {
        try delete(flows(filter))
      }
    }
  }

  private static func type(_ message: cntl_msg_types) -> UInt16 {
    UInt16(NFNL_SUBSYS_CTNETLINK) << 8 | UInt16(message.rawValue)
  }
  private static func header(_ family: IPFamily) -> nfgenmsg {
    nfgenmsg(nfgen_family: UInt8(family == .v4 ? AF_INET : AF_INET6), version: 0, res_id: 0)
  }
}

extension ConntrackFilter {
  /// Bits of CTA_FILTER_ORIG_FLAGS; the kernel has them in nf_internals.h only.
  private enum Flag {
    static let source: UInt32 = 1 << 0
    static let destination: UInt32 = 1 << 1
    static let transport: UInt32 = 1 << 3
    static let destinationPort: UInt32 = 1 << 5
  }

  /// Writes CTA_TUPLE_ORIG, CTA_TUPLE_REPLY and CTA_FILTER for what the kernel can filter by.
  func encode(into writer: inout NetlinkWriter) {
    // IPv6 addresses are compared here only: the kernel's filter leaves out exactly the equal ones (it takes the result of
    // ipv6_addr_cmp for a truth value; seen on 6.18).
    let isComparable = family == .v4
    var flags: UInt32 = 0
    if isComparable, originalSource != nil { flags |= Flag.source }
    if isComparable, originalDestination != nil { flags |= Flag.destination }
    if transport != nil {
      flags |= Flag.transport
      if originalDestinationPort != nil { flags |= Flag.destinationPort }
    }
    let replyFlags = isComparable && replySource != nil ? Flag.source : 0
    if flags | replyFlags == 0 { return }
    if flags != 0 {
      writer.nested(CTA_TUPLE_ORIG) { writer in
        if isComparable { Self.encode(source: originalSource, destination: originalDestination, into: &writer) }
        if let transport {
          writer.nested(CTA_TUPLE_PROTO) { writer in
            writer.attribute(CTA_PROTO_NUM, transport)
            if let originalDestinationPort {
              writer.attribute(CTA_PROTO_DST_PORT, bigEndian: originalDestinationPort)
            }
          }
        }
      }
    }
    if replyFlags != 0 {
      writer.nested(CTA_TUPLE_REPLY) { Self.encode(source: replySource, destination: nil, into: &$0) }
    }
    writer.nested(CTA_FILTER) { writer in
      writer.attribute(CTA_FILTER_ORIG_FLAGS, flags)
      writer.attribute(CTA_FILTER_REPLY_FLAGS, replyFlags)
    }
  }

  private static func encode(source: IPAddress?, destination: IPAddress?, into writer: inout NetlinkWriter) {
    guard source != nil || destination != nil else { return }
    writer.nested(CTA_TUPLE_IP) { writer in
      if let source { writer.attribute(Int(CTA_IP_V4_SRC.rawValue), source) }
      if let destination { writer.attribute(Int(CTA_IP_V4_DST.rawValue), destination) }
    }
  }
}
