internal import Addressing
internal import CLinux

/// An anonymous set a rule needs, to be made before it in the same batch.
package struct NFAnonymousSet: Hashable, Sendable {
  /// Index in the rule; the batch turns it into a set id.
  let index: UInt32
  let type: NFDataType
  let ranges: [ClosedNFRange]
  /// Whether any of the ranges holds more than one value.
  var isInterval: Bool { ranges.contains { $0.low != $0.high } }
}

/// Turns a rule's statements into expressions with registers.
struct NFLowering {
  let family: NFFamily
  private(set) var expressions: [NFExpression] = []
  private(set) var anonymousSets: [NFAnonymousSet] = []
  /// First set id that anonymous sets of this rule may take.
  private let firstSetID: UInt32
  private var satisfied: Set<NFField.Dependency> = []

  init(family: NFFamily, firstSetID: UInt32 = 0) {
    self.family = family
    self.firstSetID = firstSetID
  }

  mutating func lower(_ statement: NFStatement) {
    switch statement {
    case .compare(let field, let comparison, let value):
      load([field])
      emit(.compare(register: 0, comparison, value.bytes(as: field.type)))
      if comparison == .equal, case .number(let number) = value { note(field, number) }
    case .maskedCompare(let field, let mask, let comparison, let value):
      load([field])
      mask0(field, mask)
      emit(.compare(register: 0, comparison, NFValue.number(value).bytes(as: field.type)))
    case .anyBit(let field, let bits):
      load([field])
      mask0(field, bits)
      emit(.compare(register: 0, .notEqual, [UInt8](repeating: 0, count: field.type.size)))
    case .inPrefix(let field, let prefix, let inverted):
      load([field])
      if prefix.length < prefix.family.bits {
        let ones = prefix.length == 0 ? 0 : UInt128.max << UInt128(prefix.family.bits - prefix.length)
        let mask = IPAddress(prefix.family, number: ones)
        emit(.bitwise(register: 0, mask: mask.bytes, xor: [UInt8](repeating: 0, count: mask.bytes.count)))
      }
      emit(.compare(register: 0, inverted ? .notEqual : .equal, prefix.address.bytes))
    case .inRange(let field, let low, let high, let inverted):
      load([field])
      let (low, high) = (low.bytes(as: field.type), high.bytes(as: field.type))
      if inverted {
        emit(.range(register: 0, inverted: true, low, high))
      } else {
        // As nft writes it, so that it lists as a range.
        emit(.compare(register: 0, .greaterOrEqual, low))
        emit(.compare(register: 0, .lessOrEqual, high))
      }
    case .inSet(let fields, let set, let inverted):
      load(fields)
      emit(.lookup(set: set, setID: nil, register: 0, result: .none, inverted: inverted))
    case .anyOf(let field, let ranges, let inverted):
      load([field])
      let set = NFAnonymousSet(index: UInt32(anonymousSets.count), type: field.type, ranges: ranges)
      anonymousSets.append(set)
      emit(
        .lookup(
          set: "__set%d", setID: firstSetID + set.index, register: 0, result: .none, inverted: inverted))
    case .verdictMap(let fields, let map):
      load(fields)
      emit(.lookup(set: map, setID: nil, register: 0, result: .verdict, inverted: false))
    case .verdict(let verdict): emit(.verdict(verdict))
    case .counter: emit(.counter)
    case .notrack: emit(.notrack)
    case .log(let group, let prefix): emit(.log(group: group, prefix: prefix))
    case .limit(let rate, let unit, let burst): emit(.limit(rate: rate, unit: unit, burst: burst, inverted: false))
    default: lowerAction(statement)
    }
  }

  private mutating func lowerAction(_ statement: NFStatement) {
    switch statement {
    case .reject(let reject):
      switch reject {
      case .tcpReset: emit(.reject(type: NFT_REJECT_TCP_RST.rawValue, code: 0))
      case .portUnreachable: refuse(icmp: 3, icmpv6: 4, any: NFT_REJECT_ICMPX_PORT_UNREACH)
      case .administrativelyProhibited: refuse(icmp: 13, icmpv6: 1, any: NFT_REJECT_ICMPX_ADMIN_PROHIBITED)
      }
    case .masquerade(let fullyRandom): emit(.masquerade(flags: fullyRandom ? Self.fullyRandom : 0))
    case .redirect(let port):
      if let port { emit(.constant([UInt8(port >> 8), UInt8(port & 0xFF)], register: 0)) }
      emit(.redirect(port: port == nil ? nil : 0))
    case .destinationNATMap(let ipFamily, let fields, let map):
      load(fields)
      emit(.lookup(set: map, setID: nil, register: 0, result: .register(0), inverted: false))
      emit(
        .nat(
          .destination, family: ipFamily == .v4 ? .ipv4 : .ipv6, address: 0, port: ipFamily.bits / 32, flags: 0))
    case .destinationNAT(let address, let port):
      emit(.constant(address.bytes, register: 0))
      let words = address.family.bits / 32
      if let port { emit(.constant([UInt8(port >> 8), UInt8(port & 0xFF)], register: words)) }
      emit(
        .nat(
          .destination, family: address.family == .v4 ? .ipv4 : .ipv6, address: 0, port: port == nil ? nil : words,
          flags: 0))
    case .sourceNAT(let address, let fullyRandom):
      emit(.constant(address.bytes, register: 0))
      emit(
        .nat(
          .source, family: address.family == .v4 ? .ipv4 : .ipv6, address: 0, port: nil,
          flags: fullyRandom ? Self.fullyRandom : 0))
    case .keepSource(let ipFamily):
      load([.source(ipFamily)])
      emit(.nat(.source, family: ipFamily == .v4 ? .ipv4 : .ipv6, address: 0, port: nil, flags: 0))
    case .setMetaMark(let mask, let xor):
      mark(.mark, mask, xor)
      emit(.setMetaMark(register: 0))
    case .setConnectionMark(let mask, let xor):
      mark(.ctMark, mask, xor)
      emit(.setConnectionMark(register: 0))
    case .dynamicSet(let operation, let set, let key, let data, let timeout):
      let dataRegister = load(key)
      if !data.isEmpty { load(data, at: dataRegister) }
      emit(
        .dynamicSet(operation, set: set, key: 0, data: data.isEmpty ? nil : dataRegister, timeout: timeout))
    default: preconditionFailure("statement \(statement) has no lowering")
    }
  }

  /// A rule that has matched one family says the code in that family's ICMP, as nft does (RFC 792, RFC 1812, RFC 4443);
  /// otherwise the kernel chooses by the packet.
  private mutating func refuse(icmp: UInt8, icmpv6: UInt8, any: nft_reject_inet_code) {
    if satisfied.contains(.network(.v4)) {
      emit(.reject(type: NFT_REJECT_ICMP_UNREACH.rawValue, code: icmp))
    } else if satisfied.contains(.network(.v6)) {
      emit(.reject(type: NFT_REJECT_ICMP_UNREACH.rawValue, code: icmpv6))
    } else {
      emit(.reject(type: NFT_REJECT_ICMPX_UNREACH.rawValue, code: UInt8(any.rawValue)))
    }
  }

  /// NF_NAT_RANGE_PROTO_RANDOM_FULLY of linux/netfilter/nf_nat.h.
  private static let fullyRandom: UInt32 = 1 << 4

  private mutating func emit(_ expression: NFExpression) { expressions.append(expression) }

  /// Loads fields side by side, with the checks they need before, and returns the first free register.
  @discardableResult
  private mutating func load(_ fields: [NFField], at first: Int = 0) -> Int {
    for field in fields { require(field.dependency) }
    var register = first
    for field in fields {
      emit(.load(field, register: register))
      register += field.type.paddedSize / 4
    }
    precondition(register <= 16, "a concatenation of \(register) words does not fit the 16 registers")
    return register
  }

  private mutating func mark(_ field: NFField, _ mask: UInt32, _ xor: UInt32) {
    if mask == 0 {
      emit(.constant(NFValue.number(UInt64(xor)).bytes(as: .mark), register: 0))
      return
    }
    load([field])
    emit(
      .bitwise(
        register: 0, mask: NFValue.number(UInt64(mask)).bytes(as: .mark),
        xor: NFValue.number(UInt64(xor)).bytes(as: .mark)))
  }

  private mutating func mask0(_ field: NFField, _ mask: UInt64) {
    emit(
      .bitwise(
        register: 0, mask: NFValue.number(mask).bytes(as: field.type),
        xor: [UInt8](repeating: 0, count: field.type.size)))
  }

  /// Emits the check a field needs, unless an earlier statement of the rule made it.
  private mutating func require(_ dependency: NFField.Dependency?) {
    guard let dependency, !satisfied.contains(dependency) else { return }
    satisfied.insert(dependency)
    switch dependency {
    case .network(let ipFamily):
      switch family {
      case .inet: check(.nfProtocol, ipFamily == .v4 ? 2 : 10)
      case .bridge, .netdev: check(.linkProtocol, ipFamily == .v4 ? 0x0800 : 0x86DD)
      case .ipv4, .ipv6, .arp: break
      }
    case .arp:
      if family == .bridge || family == .netdev { check(.linkProtocol, 0x0806) }
    case .transport(let number): check(.l4Protocol, UInt64(number))
    }
  }

  private mutating func check(_ field: NFField, _ value: UInt64) {
    emit(.load(field, register: 0))
    emit(.compare(register: 0, .equal, NFValue.number(value).bytes(as: field.type)))
  }

  /// A comparison the rule's author wrote satisfies the dependency it amounts to.
  private mutating func note(_ field: NFField, _ value: UInt64) {
    if field == .l4Protocol { satisfied.insert(.transport(UInt8(truncatingIfNeeded: value))) }
    if field == .nfProtocol, family == .inet { satisfied.insert(.network(value == 2 ? .v4 : .v6)) }
  }
}
