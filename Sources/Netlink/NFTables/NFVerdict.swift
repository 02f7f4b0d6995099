internal import CLinux

/// What a rule or a verdict map decides.
package enum NFVerdict: Hashable, Sendable {
  case accept
  case drop
  case `continue`
  case `return`
  case jump(String)
  case goto(String)

  /// NF_… of linux/netfilter.h and NFT_… of linux/netfilter/nf_tables.h.
  var code: Int32 {
    switch self {
    case .drop: 0
    case .accept: 1
    case .continue: NFT_CONTINUE.rawValue
    case .jump: NFT_JUMP.rawValue
    case .goto: NFT_GOTO.rawValue
    case .return: NFT_RETURN.rawValue
    }
  }

  var chain: String? {
    switch self {
    case .jump(let chain), .goto(let chain): chain
    default: nil
    }
  }

  /// Writes the NFTA_DATA_VERDICT attribute.
  func encode(into writer: inout NetlinkWriter) {
    writer.nested(NFTA_DATA_VERDICT) { writer in
      writer.attribute(NFTA_VERDICT_CODE, bigEndian: code)
      if let chain { writer.attribute(NFTA_VERDICT_CHAIN, chain) }
    }
  }

  /// Reads what is inside an NFTA_DATA_VERDICT attribute; nil for verdicts not used here (queue).
  init?(_ attributes: NetlinkAttributes) {
    guard let code = attributes[NFTA_VERDICT_CODE]?.bigEndian(Int32.self) else { return nil }
    let chain = attributes[NFTA_VERDICT_CHAIN]?.string ?? ""
    switch code {
    case 0: self = .drop
    case 1: self = .accept
    case NFT_CONTINUE.rawValue: self = .continue
    case NFT_JUMP.rawValue: self = .jump(chain)
    case NFT_GOTO.rawValue: self = .goto(chain)
    case NFT_RETURN.rawValue: self = .return
    default: return nil
    }
  }
}
