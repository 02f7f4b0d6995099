internal import CLinux

// What the kernel's answers to a dump say of a table: pure functions of the messages.

extension NFTable {
  /// nil for a message that is no table of a family we know.
  package init?(_ message: NetlinkMessage) {
    let attributes = message.attributes(after: 4)
    guard let family = message.payload.first.flatMap(NFFamily.init(rawValue:)),
      let name = attributes[NFTA_TABLE_NAME]?.string
    else { return nil }
    self.init(family, name)
    comment = attributes[NFTA_TABLE_USERDATA].flatMap { NFUserdata.comment(in: $0.value) }
    flags = attributes[NFTA_TABLE_FLAGS]?.bigEndian() ?? 0
  }
}

extension NFTableSignature {
  /// Notes the chain of a message; one of another table is left out.
  package mutating func readChain(_ message: NetlinkMessage, of table: NFTable) {
    let attributes = message.attributes(after: 4)
    guard attributes[NFTA_CHAIN_TABLE]?.string == table.name, let name = attributes[NFTA_CHAIN_NAME]?.string else {
      return
    }
    chains[name] = .init(base: Self.base(attributes), rules: [])
  }

  /// Notes the rule of a message, whose chain must have been noted before.
  package mutating func readRule(_ message: NetlinkMessage, of table: NFTable) {
    let attributes = message.attributes(after: 4)
    guard attributes[NFTA_RULE_TABLE]?.string == table.name, let chain = attributes[NFTA_RULE_CHAIN]?.string else {
      return
    }
    let fingerprint: UInt64? = (attributes[NFTA_RULE_USERDATA]?.value)
      .flatMap { NFUserdata.entry(NFRule.fingerprintEntry, in: $0) }
      .flatMap { $0.count == 8 ? $0.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } : nil }
    chains[chain]?.rules.append(fingerprint)
  }

  /// Notes the set of a message; anonymous ones are left out.
  package mutating func readSet(_ message: NetlinkMessage, of table: NFTable) {
    let attributes = message.attributes(after: 4)
    guard attributes[NFTA_SET_TABLE]?.string == table.name, let name = attributes[NFTA_SET_NAME]?.string else {
      return
    }
    let flags: UInt32 = attributes[NFTA_SET_FLAGS]?.bigEndian() ?? 0
    if flags & NFSet.Flags.anonymous.rawValue != 0 { return }
    let dataType: UInt32 = attributes[NFTA_SET_DATA_TYPE]?.bigEndian() ?? 0
    sets[name] = .init(
      flags: flags, keyType: attributes[NFTA_SET_KEY_TYPE]?.bigEndian() ?? 0,
      keyLength: attributes[NFTA_SET_KEY_LEN]?.bigEndian() ?? 0, dataType: dataType,
      // Of a verdict the kernel tells the size of its own structure.
      dataLength: dataType == NFSet.verdictType ? 0 : attributes[NFTA_SET_DATA_LEN]?.bigEndian() ?? 0,
      userdata: attributes[NFTA_SET_USERDATA].map { Array($0.value) } ?? [])
    sets[name]?.counts = attributes[NFTA_SET_EXPR] != nil
  }

  private static func base(_ attributes: NetlinkAttributes) -> NFChain.Base? {
    guard let hook = attributes[NFTA_CHAIN_HOOK]?.nested,
      let number = hook[NFTA_HOOK_HOOKNUM]?.bigEndian(UInt32.self).flatMap(NFChain.Hook.init(rawValue:)),
      let priority = hook[NFTA_HOOK_PRIORITY]?.bigEndian(Int32.self),
      let kind = (attributes[NFTA_CHAIN_TYPE]?.string).flatMap(NFChain.Kind.init(rawValue:))
    else { return nil }
    let policy = attributes[NFTA_CHAIN_POLICY]?.bigEndian(UInt32.self).flatMap(NFChain.Policy.init(rawValue:))
    return NFChain.Base(kind, number, priority: priority, policy: policy ?? .accept)
  }
}

extension NFElement {
  /// The elements that one message of a dump lists.
  package static func elements(in message: NetlinkMessage) -> [NFElement] {
    guard let list = message.attributes(after: 4)[NFTA_SET_ELEM_LIST_ELEMENTS] else { return [] }
    return list.nested.compactMap { NFElement($0.nested) }
  }
}
