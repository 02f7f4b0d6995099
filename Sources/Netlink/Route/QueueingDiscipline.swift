internal import CLinux

/// A queueing discipline of a link, as the kernel lists it.
package struct QueueingDiscipline: Hashable, Sendable {
  package var interface: Int32
  /// What `tc qdisc` calls it: `tbf`, `ingress`, `noqueue`, …
  package var kind: String
  /// It is the link's own, not a child of another.
  package var isRoot: Bool
  /// Of a token bucket filter.
  package var tokenBucket: TokenBucket?

  /// What a token bucket filter lets pass.
  package struct TokenBucket: Hashable, Sendable {
    /// Bytes a second.
    package var rate: UInt64
    /// Bytes that may pass at once. It must hold the largest packet.
    package var burst: UInt32
    /// Bytes that may wait.
    package var limit: UInt32

    package init(rate: UInt64, burst: UInt32, limit: UInt32) {
      self.rate = rate
      self.burst = burst
      self.limit = limit
    }
  }

  package init?(_ message: NetlinkMessage) {
    guard let header = message.header(tcmsg.self) else { return nil }
    interface = header.tcm_ifindex
    isRoot = header.tcm_parent == TrafficControl.root
    let attributes = message.attributes(after: MemoryLayout<tcmsg>.size)
    kind = attributes[Int(TCA_KIND)]?.string ?? ""
    if kind == "tbf", let options = attributes[Int(TCA_OPTIONS)]?.nested { tokenBucket = TokenBucket(options) }
  }
}

/// Numbers of linux/pkt_sched.h and linux/pkt_cls.h, most of which are macros.
enum TrafficControl {
  static let root: UInt32 = 0xFFFF_FFFF
  static let ingress: UInt32 = 0xFFFF_FFF1
  static let ingressHandle: UInt32 = 0xFFFF_0000
  static let linkLayerEthernet: UInt8 = 1
  /// TCA_TBF_…
  static let tbfParameters = 1
  static let tbfRate64 = 4
  static let tbfBurst = 6
  /// TCA_U32_…
  static let u32Selector = 5
  static let u32Actions = 7
  static let u32Terminal: UInt8 = 1
  /// TCA_ACT_…
  static let actionKind = 1
  static let actionOptions = 2
  static let actionStolen: Int32 = 4
  /// TCA_MIRRED_PARMS and TCA_EGRESS_REDIR
  static let mirredParameters = 2
  static let egressRedirect: Int32 = 1
  static let allProtocols: UInt16 = 0x0003
}

extension QueueingDiscipline.TokenBucket {
  /// tc_tbf_qopt: two tc_ratespec of 12 bytes (the rate last), limit, buffer in ticks, mtu.
  fileprivate init?(_ options: NetlinkAttributes) {
    guard let parameters = options[TrafficControl.tbfParameters]?.value, parameters.count >= 36 else { return nil }
    func word(_ offset: Int) -> UInt32 {
      parameters.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }
    rate = options[TrafficControl.tbfRate64]?.number() ?? UInt64(word(8))
    limit = word(24)
    // Ticks are 64 ns since 2.6.31; the kernel rounds down to them.
    burst = UInt32(clamping: (UInt128(word(28)) * 64 * UInt128(rate) + 999_999_999) / 1_000_000_000)
  }

  fileprivate func write(to writer: inout NetlinkWriter) {
    var parameters = NetlinkWriter()
    for rate in [UInt32(clamping: rate), 0] {
      parameters.append(UInt8(0))
      parameters.append(TrafficControl.linkLayerEthernet)
      parameters.append(UInt16(0))
      parameters.append(UInt16(0))
      parameters.append(UInt16(0))
      parameters.append(rate)
    }
    parameters.append(limit)
    parameters.append(UInt32(0))
    parameters.append(UInt32(0))
    // With the link layer told and the burst in bytes, kernels since 3.14 need no rate table.
    writer.attribute(TrafficControl.tbfParameters, bytes: parameters.bytes)
    writer.attribute(TrafficControl.tbfBurst, burst)
    if rate > UInt64(UInt32.max) { writer.attribute(TrafficControl.tbfRate64, rate) }
  }
}

extension RouteRequest {
  private static func queueing(
    _ interface: Int32, parent: UInt32, handle: UInt32, _ kind: String,
    _ options: (inout NetlinkWriter) -> Void = { _ in }
  ) -> RouteRequest {
    RouteRequest(
      Int(RTM_NEWQDISC), flags: NLM_F_CREATE | NLM_F_REPLACE, "add queueing discipline \(kind) to link #\(interface)"
    ) { writer in
      var header = tcmsg()
      header.tcm_family = UInt8(AF_UNSPEC)
      header.tcm_ifindex = interface
      header.tcm_parent = parent
      header.tcm_handle = handle
      writer.append(structure: header)
      writer.attribute(Int(TCA_KIND), kind)
      writer.nested(Int(TCA_OPTIONS), options)
    }
  }

  /// Makes a token bucket filter the root of a link's queues, whatever was there: what leaves by the link is slowed.
  package static func setTokenBucket(_ interface: Int32, _ bucket: QueueingDiscipline.TokenBucket) -> RouteRequest {
    queueing(interface, parent: TrafficControl.root, handle: 0x0001_0000, "tbf") { bucket.write(to: &$0) }
  }

  /// Gives a link a place where filters see what comes in.
  package static func addIngress(_ interface: Int32) -> RouteRequest {
    queueing(interface, parent: TrafficControl.ingress, handle: TrafficControl.ingressHandle, "ingress")
  }

  /// Sends everything that comes in by a link out by another one. Needs `addIngress` before.
  ///
  /// The filter is `u32` that matches all and the action `mirred`: the oldest of their kind, in every kernel.
  package static func redirectIngress(_ interface: Int32, to target: Int32) -> RouteRequest {
    RouteRequest(
      Int(RTM_NEWTFILTER), flags: NLM_F_CREATE | NLM_F_EXCL, "redirect link #\(interface) to link #\(target)"
    ) { writer in
      var header = tcmsg()
      header.tcm_family = UInt8(AF_UNSPEC)
      header.tcm_ifindex = interface
      header.tcm_parent = TrafficControl.ingressHandle
      // Priority 1 above, the protocol in network order below.
      header.tcm_info = 1 << 16 | UInt32(TrafficControl.allProtocols.bigEndian)
      writer.append(structure: header)
      writer.attribute(Int(TCA_KIND), "u32")
      writer.nested(Int(TCA_OPTIONS)) { writer in
        // tc_u32_sel: flags, shift, number of keys; the rest zero, and one key of zeros: mask 0 matches all.
        writer.attribute(
          TrafficControl.u32Selector,
          bytes: [TrafficControl.u32Terminal, 0, 1] + [UInt8](repeating: 0, count: 13 + 16))
        writer.nested(TrafficControl.u32Actions) { writer in
          writer.nested(1) { writer in
            writer.attribute(TrafficControl.actionKind, "mirred")
            writer.nested(TrafficControl.actionOptions) { writer in
              // tc_mirred: index, capabilities, action, two reference counts, what to do, where to.
              var parameters = NetlinkWriter()
              for word in [0, 0, TrafficControl.actionStolen, 0, 0, TrafficControl.egressRedirect, target] {
                parameters.append(word)
              }
              writer.attribute(TrafficControl.mirredParameters, bytes: parameters.bytes)
            }
          }
        }
      }
    }
  }
}

extension RouteSocket {
  /// The queueing disciplines of a link.
  package func queueingDisciplines(interface: Int32) throws -> [QueueingDiscipline] {
    try socket.dump("list queueing disciplines", type: UInt16(RTM_GETQDISC)) { writer in
      var header = tcmsg()
      header.tcm_ifindex = interface
      writer.append(structure: header)
    }
    .compactMap { QueueingDiscipline($0) }
    .filter { $0.interface == interface }
  }
}
