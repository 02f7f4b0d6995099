package import Addressing
internal import CLinux

/// Something a rule can load into a register: a header field, packet metadata, a field of the connection's tuple.
package struct NFField: Hashable, Sendable {
  package enum Direction: UInt8, Hashable, Sendable {
    case original = 0
    case reply = 1
  }
  package enum Source: Hashable, Sendable {
    /// NFT_PAYLOAD_…_HEADER, offset and length in bytes.
    case payload(base: UInt32, offset: UInt32, length: UInt32)
    /// NFT_META_…
    case meta(UInt32)
    /// NFT_CT_…
    case ct(UInt32, Direction?)
    /// `numgen random mod MODULUS offset OFFSET`.
    case random(modulus: UInt32, offset: UInt32)
    /// NFT_FIB_RESULT_…, NFTA_FIB_F_…
    case fib(result: UInt32, flags: UInt32)
  }
  /// What must be true of a packet before the field means anything; nft writes these checks before the field and leaves
  /// them out of its listing. The lowering of a rule adds them.
  package enum Dependency: Hashable, Sendable {
    case network(IPFamily)
    case arp
    case transport(UInt8)
  }
  /// How nft names a payload field in a set's userdata: its protocol description and its field in there.
  struct PayloadName: Hashable, Sendable {
    let description: UInt32
    let field: UInt32
  }

  package let source: Source
  package let type: NFDataType
  package let dependency: Dependency?
  let payloadName: PayloadName?

  init(_ source: Source, _ type: NFDataType, dependency: Dependency? = nil, payloadName: PayloadName? = nil) {
    self.source = source
    self.type = type
    self.dependency = dependency
    self.payloadName = payloadName
  }
}

extension NFField {
  private static func payload(
    _ base: nft_payload_bases, _ offset: UInt32, _ type: NFDataType, _ dependency: Dependency?, _ description: UInt32,
    _ field: UInt32
  ) -> NFField {
    NFField(
      .payload(base: base.rawValue, offset: offset, length: UInt32(type.size)), type, dependency: dependency,
      payloadName: PayloadName(description: description, field: field))
  }
  private static func meta(_ key: nft_meta_keys, _ type: NFDataType) -> NFField {
    NFField(.meta(key.rawValue), type)
  }
  private static func ct(_ key: nft_ct_keys, _ type: NFDataType, _ direction: Direction? = nil) -> NFField {
    NFField(.ct(key.rawValue, direction), type)
  }

  // Headers. The last two numbers are nft's proto_desc_id and the field's index in that description.
  /// `ip saddr` or `ip6 saddr`.
  package static func source(_ family: IPFamily) -> NFField {
    family == .v4
      ? payload(NFT_PAYLOAD_NETWORK_HEADER, 12, .ipv4Address, .network(.v4), 12, 11)
      : payload(NFT_PAYLOAD_NETWORK_HEADER, 8, .ipv6Address, .network(.v6), 13, 8)
  }
  /// `ip daddr` or `ip6 daddr`.
  package static func destination(_ family: IPFamily) -> NFField {
    family == .v4
      ? payload(NFT_PAYLOAD_NETWORK_HEADER, 16, .ipv4Address, .network(.v4), 12, 12)
      : payload(NFT_PAYLOAD_NETWORK_HEADER, 24, .ipv6Address, .network(.v6), 13, 9)
  }
  /// `th sport`: TCP, UDP and SCTP alike.
  package static let sourcePort = payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, .inetService, nil, 11, 1)
  /// `th dport`.
  package static let destinationPort = payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, .inetService, nil, 11, 2)
  package static let icmpType = payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, .icmpType, .transport(1), 4, 1)
  package static let icmpv6Type = payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, .icmpv6Type, .transport(58), 14, 1)
  /// The target of a neighbour solicitation or advertisement (RFC 4861); nft before 1.0.8 has no name for it and writes
  /// `@th,64,128`.
  package static let icmpv6Target = NFField(
    .payload(base: NFT_PAYLOAD_TRANSPORT_HEADER.rawValue, offset: 8, length: 16), .ipv6Address,
    dependency: .transport(58))
  package static let etherDestination = payload(NFT_PAYLOAD_LL_HEADER, 0, .etherAddress, nil, 17, 1)
  package static let etherSource = payload(NFT_PAYLOAD_LL_HEADER, 6, .etherAddress, nil, 17, 2)
  package static let etherType = payload(NFT_PAYLOAD_LL_HEADER, 12, .etherType, nil, 17, 3)
  /// `arp saddr ip` (ARP over Ethernet and IPv4).
  package static let arpSourceAddress = payload(NFT_PAYLOAD_NETWORK_HEADER, 14, .ipv4Address, .arp, 15, 7)
  /// `arp saddr ether`.
  package static let arpSourceHardware = payload(NFT_PAYLOAD_NETWORK_HEADER, 8, .etherAddress, .arp, 15, 6)

  // Packet metadata.
  package static let l4Protocol = meta(NFT_META_L4PROTO, .inetProtocol)
  /// `meta nfproto`: 2 is IPv4, 10 is IPv6.
  package static let nfProtocol = meta(NFT_META_NFPROTO, .nfProtocol)
  /// `meta protocol`, an EtherType.
  package static let linkProtocol = meta(NFT_META_PROTOCOL, .etherType)
  package static let inputInterface = meta(NFT_META_IIFNAME, .interfaceName)
  package static let outputInterface = meta(NFT_META_OIFNAME, .interfaceName)
  package static let mark = meta(NFT_META_MARK, .mark)

  // Connection tracking.
  /// A set of bits, see `NFConnection`.
  package static let ctState = ct(NFT_CT_STATE, .ctState)
  /// A set of bits, see `NFConnection`.
  package static let ctStatus = ct(NFT_CT_STATUS, .ctStatus)
  package static let ctMark = ct(NFT_CT_MARK, .mark)
  package static let ctDirection = ct(NFT_CT_DIRECTION, .ctDirection)
  /// `ct original ip saddr` and its kin; packets of the other family do not match.
  package static func ctSource(_ direction: Direction, _ family: IPFamily) -> NFField {
    ct(family == .v4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, .address(family), direction)
  }
  package static func ctDestination(_ direction: Direction, _ family: IPFamily) -> NFField {
    ct(family == .v4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, .address(family), direction)
  }
  package static func ctSourcePort(_ direction: Direction) -> NFField { ct(NFT_CT_PROTO_SRC, .inetService, direction) }
  package static func ctDestinationPort(_ direction: Direction) -> NFField {
    ct(NFT_CT_PROTO_DST, .inetService, direction)
  }

  /// `numgen random mod MODULUS`, a 32-bit number in host order from `offset` on.
  package static func random(modulus: UInt32, offset: UInt32 = 0) -> NFField {
    NFField(.random(modulus: modulus, offset: offset), .integer)
  }

  /// `fib daddr type`; compare with `NFAddressType`.
  package static let destinationType = NFField(
    .fib(result: NFT_FIB_RESULT_ADDRTYPE.rawValue, flags: NFTA_FIB_F_DADDR.rawValue), .fibAddressType)
  /// `fib saddr type`.
  package static let sourceType = NFField(
    .fib(result: NFT_FIB_RESULT_ADDRTYPE.rawValue, flags: NFTA_FIB_F_SADDR.rawValue), .fibAddressType)
}

/// Bits of `ct state` and `ct status`.
package enum NFConnection {
  package static let invalid: UInt64 = 1
  package static let established: UInt64 = 2
  package static let related: UInt64 = 4
  package static let new: UInt64 = 8
  package static let untracked: UInt64 = 64
  /// IPS_SRC_NAT and IPS_DST_NAT.
  package static let statusSourceNAT: UInt64 = 0x10
  package static let statusDestinationNAT: UInt64 = 0x20
}

/// RTN_… of linux/rtnetlink.h, what `fib … type` answers.
package enum NFAddressType {
  package static let unicast: NFValue = 1
  package static let local: NFValue = 2
  package static let broadcast: NFValue = 3
  package static let multicast: NFValue = 5
}
