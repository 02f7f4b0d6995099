package import Addressing

/// A statement of a rule, close to nft's text. A rule is a list of them; every statement chooses its own registers, and
/// the checks a header field needs (`meta nfproto ipv4` before `ip saddr`) are added when the rule is lowered.
///
///     // meta l4proto tcp ip daddr . meta l4proto . th dport vmap @frontends4
///     NFRule([.match(.l4Protocol, 6), .verdictMap([.destination(.v4), .l4Protocol, .destinationPort], "frontends4")])
package enum NFStatement: Hashable, Sendable {
  case compare(NFField, NFExpression.Comparison, NFValue)
  /// `FIELD and MASK == VALUE`; both are numbers of the field's size.
  case maskedCompare(NFField, mask: UInt64, NFExpression.Comparison, UInt64)
  /// `FIELD BITS`, such as `ct state established,related`: true if any of the bits is set.
  case anyBit(NFField, UInt64)
  case inPrefix(NFField, Prefix, inverted: Bool)
  case inRange(NFField, NFValue, NFValue, inverted: Bool)
  /// `FIELD . FIELD @SET`.
  case inSet([NFField], String, inverted: Bool)
  /// `FIELD { VALUE, LOW-HIGH }`: an anonymous set, made with the rule. Values may be ranges.
  case anyOf(NFField, [ClosedNFRange], inverted: Bool)
  /// `FIELD . FIELD vmap @MAP`.
  case verdictMap([NFField], String)
  case verdict(NFVerdict)
  case counter
  case notrack
  case log(group: UInt16?, prefix: String?)
  /// `limit rate RATE/UNIT burst BURST packets`; true while below. The unit is in seconds.
  case limit(rate: UInt64, unit: UInt64, burst: UInt32)
  case reject(NFReject)
  case masquerade(fullyRandom: Bool)
  case redirect(port: UInt16?)
  /// `dnat ip to FIELD . FIELD map @MAP`; the map's data is address . port.
  case destinationNATMap(IPFamily, [NFField], String)
  case destinationNAT(IPAddress, port: UInt16?)
  case sourceNAT(IPAddress, fullyRandom: Bool)
  /// `snat ip to ip saddr`: the source stays, and no later chain translates it.
  case keepSource(IPFamily)
  /// `meta mark set (meta mark and MASK) xor VALUE`; mask 0 sets the value.
  case setMetaMark(mask: UInt32, xor: UInt32)
  case setConnectionMark(mask: UInt32, xor: UInt32)
  /// `update @SET { FIELD . FIELD timeout … : FIELD . FIELD }`; the timeout is in milliseconds.
  case dynamicSet(NFExpression.DynamicOperation, String, key: [NFField], data: [NFField], timeout: UInt64?)
}

/// One value or an inclusive range of values in an anonymous set.
package struct ClosedNFRange: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
  package let low: NFValue
  package let high: NFValue

  package init(_ low: NFValue, _ high: NFValue) {
    self.low = low
    self.high = high
  }
  package init(_ value: NFValue) { self.init(value, value) }
  package init(integerLiteral value: UInt64) { self.init(.number(value)) }
  package init(stringLiteral value: String) { self.init(.name(value)) }
}

/// How a packet is refused.
package enum NFReject: Hashable, Sendable {
  /// `reject with tcp reset`; the rule must match `meta l4proto tcp` before.
  case tcpReset
  /// `reject`: ICMP or ICMPv6 port unreachable, by the packet's family (families inet and bridge).
  case portUnreachable
  /// `reject with icmpx type admin-prohibited`.
  case administrativelyProhibited
}

extension NFStatement {
  package static func match(_ field: NFField, _ value: NFValue) -> NFStatement { .compare(field, .equal, value) }
  package static func match(_ field: NFField, not value: NFValue) -> NFStatement { .compare(field, .notEqual, value) }
  package static func match(_ field: NFField, in prefix: Prefix) -> NFStatement {
    .inPrefix(field, prefix, inverted: false)
  }
  package static func match(_ field: NFField, notIn prefix: Prefix) -> NFStatement {
    .inPrefix(field, prefix, inverted: true)
  }
  package static func match(_ fields: NFField..., inSet set: String) -> NFStatement {
    .inSet(fields, set, inverted: false)
  }
  package static func match(_ fields: NFField..., notInSet set: String) -> NFStatement {
    .inSet(fields, set, inverted: true)
  }
  package static func match(_ field: NFField, anyOf values: [ClosedNFRange]) -> NFStatement {
    .anyOf(field, values, inverted: false)
  }
  package static func match(_ field: NFField, mask: UInt64, equals value: UInt64) -> NFStatement {
    .maskedCompare(field, mask: mask, .equal, value)
  }
  package static func ports(_ field: NFField, _ range: ClosedRange<UInt16>) -> NFStatement {
    .inRange(field, .number(UInt64(range.lowerBound)), .number(UInt64(range.upperBound)), inverted: false)
  }
  package static func jump(_ chain: String) -> NFStatement { .verdict(.jump(chain)) }
  package static func goto(_ chain: String) -> NFStatement { .verdict(.goto(chain)) }
  package static var accept: NFStatement { .verdict(.accept) }
  package static var drop: NFStatement { .verdict(.drop) }
  package static var `return`: NFStatement { .verdict(.return) }
  package static func log(group: UInt16, prefix: String) -> NFStatement {
    .log(group: Optional(group), prefix: Optional(prefix))
  }
  /// `ct mark set ct mark and MASK or VALUE`, with the kernel's one operation `(mark & m) ^ x`.
  package static func setConnectionMark(keeping mask: UInt32, or value: UInt32) -> NFStatement {
    .setConnectionMark(mask: mask & ~value, xor: value)
  }
}
