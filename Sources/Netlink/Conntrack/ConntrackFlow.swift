package import Addressing
internal import CLinux

/// One direction of a tracked connection, as its packets look.
package struct ConntrackTuple: Hashable, Sendable {
  package var source: IPAddress
  package var destination: IPAddress
  /// IANA protocol number.
  package var transport: UInt8
  /// Zero for protocols without ports.
  package var sourcePort: UInt16
  package var destinationPort: UInt16

  package init(
    source: IPAddress, destination: IPAddress, transport: UInt8, sourcePort: UInt16 = 0, destinationPort: UInt16 = 0
  ) {
    self.source = source
    self.destination = destination
    self.transport = transport
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
  }

  init?(_ attributes: NetlinkAttributes) {
    guard let addresses = attributes[CTA_TUPLE_IP]?.nested, let ports = attributes[CTA_TUPLE_PROTO]?.nested,
      let source = (addresses[CTA_IP_V4_SRC] ?? addresses[CTA_IP_V6_SRC])?.address,
      let destination = (addresses[CTA_IP_V4_DST] ?? addresses[CTA_IP_V6_DST])?.address
    else { return nil }
    self.source = source
    self.destination = destination
    transport = ports[CTA_PROTO_NUM]?.number() ?? 0
    sourcePort = ports[CTA_PROTO_SRC_PORT]?.bigEndian() ?? 0
    destinationPort = ports[CTA_PROTO_DST_PORT]?.bigEndian() ?? 0
  }
}

/// A connection the kernel tracks. The reply tuple shows what translation did: its source is the endpoint chosen.
package struct ConntrackFlow: Hashable, Sendable {
  package var original: ConntrackTuple
  package var reply: ConntrackTuple
  /// IPS_… of linux/netfilter/nf_conntrack_common.h.
  package var status: UInt32
  package var mark: UInt32
  /// Seconds until the entry is forgotten.
  package var timeout: UInt32
  /// Tuple and id as received: what a deletion must name, so that ICMP identifiers and zones come out right too.
  package let identity: [UInt8]

  /// Whether the destination was translated (IPS_DST_NAT).
  package var isDestinationTranslated: Bool { status & 1 << 5 != 0 }

  /// nil for a message that is no tracked connection.
  package init?(_ message: NetlinkMessage) {
    let attributes = message.attributes(after: 4)
    guard let original = attributes[CTA_TUPLE_ORIG], let reply = attributes[CTA_TUPLE_REPLY],
      let originalTuple = ConntrackTuple(original.nested), let replyTuple = ConntrackTuple(reply.nested)
    else { return nil }
    self.original = originalTuple
    self.reply = replyTuple
    status = attributes[CTA_STATUS]?.bigEndian() ?? 0
    mark = attributes[CTA_MARK]?.bigEndian() ?? 0
    timeout = attributes[CTA_TIMEOUT]?.bigEndian() ?? 0
    var writer = NetlinkWriter()
    // Type and nesting flag as the kernel's own policy wants them.
    writer.nested(CTA_TUPLE_ORIG) { $0.append(bytes: original.value) }
    if let id = attributes[CTA_ID] { writer.attribute(CTA_ID, bytes: id.value) }
    if let zone = attributes[CTA_ZONE] { writer.attribute(CTA_ZONE, bytes: zone.value) }
    identity = writer.bytes
  }
}

/// Which connections are meant: every field that is set must be equal.
package struct ConntrackFilter: Hashable, Sendable {
  package var family: IPFamily
  /// IANA protocol number.
  package var transport: UInt8?
  package var originalSource: IPAddress?
  package var originalDestination: IPAddress?
  /// Meaningful with `transport`.
  package var originalDestinationPort: UInt16?
  package var replySource: IPAddress?
  package var replySourcePort: UInt16?

  package init(
    _ family: IPFamily, transport: UInt8? = nil, originalSource: IPAddress? = nil,
    originalDestination: IPAddress? = nil, originalDestinationPort: UInt16? = nil, replySource: IPAddress? = nil,
    replySourcePort: UInt16? = nil
  ) {
    self.family = family
    self.transport = transport
    self.originalSource = originalSource
    self.originalDestination = originalDestination
    self.originalDestinationPort = originalDestinationPort
    self.replySource = replySource
    self.replySourcePort = replySourcePort
  }

  package func matches(_ flow: ConntrackFlow) -> Bool {
    func equal<Value: Equatable>(_ wanted: Value?, _ found: Value) -> Bool { wanted == nil || wanted == found }
    return flow.original.source.family == family
      && equal(transport, flow.original.transport)
      && equal(originalSource, flow.original.source)
      && equal(originalDestination, flow.original.destination)
      && equal(originalDestinationPort, flow.original.destinationPort)
      && equal(replySource, flow.reply.source)
      && equal(replySourcePort, flow.reply.sourcePort)
  }
}
