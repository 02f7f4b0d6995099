internal import CLinux

extension NFExpression {
  /// The expression's name in the kernel.
  var name: String {
    switch self {
    case .load(let field, _):
      switch field.source {
      case .payload: "payload"
      case .meta: "meta"
      case .ct: "ct"
      case .random: "numgen"
      case .fib: "fib"
      }
    case .setMetaMark: "meta"
    case .setConnectionMark: "ct"
    case .compare: "cmp"
    case .range: "range"
    case .bitwise: "bitwise"
    case .lookup: "lookup"
    case .constant, .verdict: "immediate"
    case .nat: "nat"
    case .masquerade: "masq"
    case .redirect: "redir"
    case .reject: "reject"
    case .counter: "counter"
    case .log: "log"
    case .notrack: "notrack"
    case .limit: "limit"
    case .dynamicSet: "dynset"
    }
  }

  /// Writes one NFTA_LIST_ELEM with name and data.
  func encode(into writer: inout NetlinkWriter) {
    writer.nested(NFTA_LIST_ELEM) { writer in
      writer.attribute(NFTA_EXPR_NAME, name)
      if case .notrack = self { return }
      writer.nested(NFTA_EXPR_DATA) { encodeData(into: &$0) }
    }
  }

  /// A word's register number (NFT_REG32_00 and on).
  private static func number(_ register: Int) -> UInt32 { NFT_REG32_00.rawValue + UInt32(register) }

  private func encodeData(into writer: inout NetlinkWriter) {
    switch self {
    case .load(let field, let register): Self.encodeLoad(field, register, into: &writer)
    case .setMetaMark(let register):
      writer.attribute(NFTA_META_KEY, bigEndian: NFT_META_MARK.rawValue)
      writer.attribute(NFTA_META_SREG, bigEndian: Self.number(register))
    case .setConnectionMark(let register):
      writer.attribute(NFTA_CT_KEY, bigEndian: NFT_CT_MARK.rawValue)
      writer.attribute(NFTA_CT_SREG, bigEndian: Self.number(register))
    case .compare(let register, let comparison, let bytes):
      writer.attribute(NFTA_CMP_SREG, bigEndian: Self.number(register))
      writer.attribute(NFTA_CMP_OP, bigEndian: comparison.rawValue)
      writer.nested(NFTA_CMP_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes: bytes) }
    case .range(let register, let inverted, let low, let high):
      writer.attribute(NFTA_RANGE_SREG, bigEndian: Self.number(register))
      writer.attribute(NFTA_RANGE_OP, bigEndian: inverted ? NFT_RANGE_NEQ.rawValue : NFT_RANGE_EQ.rawValue)
      writer.nested(NFTA_RANGE_FROM_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes: low) }
      writer.nested(NFTA_RANGE_TO_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes: high) }
    case .bitwise(let register, let mask, let xor):
      writer.attribute(NFTA_BITWISE_SREG, bigEndian: Self.number(register))
      writer.attribute(NFTA_BITWISE_DREG, bigEndian: Self.number(register))
      writer.attribute(NFTA_BITWISE_LEN, bigEndian: UInt32(mask.count))
      writer.nested(NFTA_BITWISE_MASK) { $0.attribute(NFTA_DATA_VALUE, bytes: mask) }
      writer.nested(NFTA_BITWISE_XOR) { $0.attribute(NFTA_DATA_VALUE, bytes: xor) }
    case .lookup(let set, let setID, let register, let result, let inverted):
      writer.attribute(NFTA_LOOKUP_SET, set)
      if let setID { writer.attribute(NFTA_LOOKUP_SET_ID, bigEndian: setID) }
      writer.attribute(NFTA_LOOKUP_SREG, bigEndian: Self.number(register))
      switch result {
      case .none: break
      case .verdict: writer.attribute(NFTA_LOOKUP_DREG, bigEndian: NFT_REG_VERDICT.rawValue)
      case .register(let register): writer.attribute(NFTA_LOOKUP_DREG, bigEndian: Self.number(register))
      }
      if inverted { writer.attribute(NFTA_LOOKUP_FLAGS, bigEndian: UInt32(NFT_LOOKUP_F_INV.rawValue)) }
    case .constant(let bytes, let register):
      writer.attribute(NFTA_IMMEDIATE_DREG, bigEndian: Self.number(register))
      writer.nested(NFTA_IMMEDIATE_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes: bytes) }
    case .verdict(let verdict):
      writer.attribute(NFTA_IMMEDIATE_DREG, bigEndian: NFT_REG_VERDICT.rawValue)
      writer.nested(NFTA_IMMEDIATE_DATA) { verdict.encode(into: &$0) }
    default: encodeAction(into: &writer)
    }
  }

  private func encodeAction(into writer: inout NetlinkWriter) {
    switch self {
    case .nat(let kind, let family, let address, let port, let flags):
      writer.attribute(NFTA_NAT_TYPE, bigEndian: kind.rawValue)
      writer.attribute(NFTA_NAT_FAMILY, bigEndian: UInt32(family.rawValue))
      if let address { writer.attribute(NFTA_NAT_REG_ADDR_MIN, bigEndian: Self.number(address)) }
      if let port { writer.attribute(NFTA_NAT_REG_PROTO_MIN, bigEndian: Self.number(port)) }
      if flags != 0 { writer.attribute(NFTA_NAT_FLAGS, bigEndian: flags) }
    case .masquerade(let flags):
      if flags != 0 { writer.attribute(NFTA_MASQ_FLAGS, bigEndian: flags) }
    case .redirect(let port):
      if let port { writer.attribute(NFTA_REDIR_REG_PROTO_MIN, bigEndian: Self.number(port)) }
    case .reject(let type, let code):
      writer.attribute(NFTA_REJECT_TYPE, bigEndian: type)
      writer.attribute(NFTA_REJECT_ICMP_CODE, code)
    case .counter:
      writer.attribute(NFTA_COUNTER_BYTES, bigEndian: UInt64(0))
      writer.attribute(NFTA_COUNTER_PACKETS, bigEndian: UInt64(0))
    case .log(let group, let prefix):
      if let group { writer.attribute(NFTA_LOG_GROUP, bigEndian: group) }
      if let prefix { writer.attribute(NFTA_LOG_PREFIX, String(prefix.prefix(127))) }
    case .limit(let rate, let unit, let burst, let inverted):
      writer.attribute(NFTA_LIMIT_RATE, bigEndian: rate)
      writer.attribute(NFTA_LIMIT_UNIT, bigEndian: unit)
      writer.attribute(NFTA_LIMIT_BURST, bigEndian: burst)
      writer.attribute(NFTA_LIMIT_TYPE, bigEndian: NFT_LIMIT_PKTS.rawValue)
      writer.attribute(NFTA_LIMIT_FLAGS, bigEndian: inverted ? NFT_LIMIT_F_INV.rawValue : 0)
    case .dynamicSet(let operation, let set, let key, let data, let timeout):
      writer.attribute(NFTA_DYNSET_SET_NAME, set)
      writer.attribute(NFTA_DYNSET_OP, bigEndian: operation.rawValue)
      writer.attribute(NFTA_DYNSET_SREG_KEY, bigEndian: Self.number(key))
      if let data { writer.attribute(NFTA_DYNSET_SREG_DATA, bigEndian: Self.number(data)) }
      if let timeout { writer.attribute(NFTA_DYNSET_TIMEOUT, bigEndian: timeout) }
    default: break
    }
  }

  private static func encodeLoad(_ field: NFField, _ register: Int, into writer: inout NetlinkWriter) {
    let register = number(register)
    switch field.source {
    case .payload(let base, let offset, let length):
      writer.attribute(NFTA_PAYLOAD_DREG, bigEndian: register)
      writer.attribute(NFTA_PAYLOAD_BASE, bigEndian: base)
      writer.attribute(NFTA_PAYLOAD_OFFSET, bigEndian: offset)
      writer.attribute(NFTA_PAYLOAD_LEN, bigEndian: length)
    case .meta(let key):
      writer.attribute(NFTA_META_KEY, bigEndian: key)
      writer.attribute(NFTA_META_DREG, bigEndian: register)
    case .ct(let key, let direction):
      writer.attribute(NFTA_CT_KEY, bigEndian: key)
      writer.attribute(NFTA_CT_DREG, bigEndian: register)
      if let direction { writer.attribute(NFTA_CT_DIRECTION, direction.rawValue) }
    case .random(let modulus, let offset):
      writer.attribute(NFTA_NG_DREG, bigEndian: register)
      writer.attribute(NFTA_NG_MODULUS, bigEndian: modulus)
      writer.attribute(NFTA_NG_TYPE, bigEndian: NFT_NG_RANDOM.rawValue)
      writer.attribute(NFTA_NG_OFFSET, bigEndian: offset)
    case .fib(let result, let flags):
      writer.attribute(NFTA_FIB_DREG, bigEndian: register)
      writer.attribute(NFTA_FIB_RESULT, bigEndian: result)
      writer.attribute(NFTA_FIB_FLAGS, bigEndian: flags)
    }
  }
}
