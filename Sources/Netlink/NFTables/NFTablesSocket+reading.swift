internal import CLinux
internal import Glibc

extension NFTablesSocket {
  /// The generation: it grows by one with every transaction of anyone in the namespace.
  package func generation() throws -> UInt32 {
    let answer = try socket.request("read the nf_tables generation", type: NFTablesBatch.type(NFT_MSG_GETGEN)) {
      $0.append(structure: nfgenmsg(nfgen_family: UInt8(AF_UNSPEC), version: 0, res_id: 0))
    }
    return answer?.attributes(after: 4)[NFTA_GEN_ID]?.bigEndian() ?? 0
  }

  /// All tables of the namespace.
  package func tables() throws -> [NFTable] {
    let messages = try socket.dump("list nf_tables tables", type: NFTablesBatch.type(NFT_MSG_GETTABLE)) {
      $0.append(structure: nfgenmsg(nfgen_family: UInt8(AF_UNSPEC), version: 0, res_id: 0))
    }
    return messages.compactMap { message in
      let attributes = message.attributes(after: 4)
      guard let family = message.payload.first.flatMap(NFFamily.init(rawValue:)),
        let name = attributes[NFTA_TABLE_NAME]?.string
      else { return nil }
      var table = NFTable(family, name)
      table.comment = attributes[NFTA_TABLE_USERDATA].flatMap { NFUserdata.comment(in: $0.value) }
      table.flags = attributes[NFTA_TABLE_FLAGS]?.bigEndian() ?? 0
      return table
    }
  }

  /// The structure of a table, without elements; nil if there is no such table. Anonymous sets are left out.
  package func signature(of table: NFTable) throws -> NFTableSignature? {
    guard let found = try tables().first(where: { $0.family == table.family && $0.name == table.name }) else {
      return nil
    }
    var signature = NFTableSignature(comment: found.comment, flags: found.flags)
    for message in try dump(NFT_MSG_GETCHAIN, "chains", table, Int(NFTA_CHAIN_TABLE.rawValue)) {
      let attributes = message.attributes(after: 4)
      guard attributes[NFTA_CHAIN_TABLE]?.string == table.name, let name = attributes[NFTA_CHAIN_NAME]?.string else {
        continue
      }
      signature.chains[name] = .init(base: Self.base(attributes), rules: [])
    }
    for message in try dump(NFT_MSG_GETRULE, "rules", table, Int(NFTA_RULE_TABLE.rawValue)) {
      let attributes = message.attributes(after: 4)
      guard attributes[NFTA_RULE_TABLE]?.string == table.name, let chain = attributes[NFTA_RULE_CHAIN]?.string else {
        continue
      }
      let fingerprint: UInt64? = (attributes[NFTA_RULE_USERDATA]?.value)
        .flatMap { NFUserdata.entry(NFRule.fingerprintEntry, in: $0) }
        .flatMap { $0.count == 8 ? $0.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } : nil }
      signature.chains[chain]?.rules.append(fingerprint)
    }
    for message in try dump(NFT_MSG_GETSET, "sets", table, Int(NFTA_SET_TABLE.rawValue)) {
      let attributes = message.attributes(after: 4)
      guard attributes[NFTA_SET_TABLE]?.string == table.name, let name = attributes[NFTA_SET_NAME]?.string else {
        continue
      }
      let flags: UInt32 = attributes[NFTA_SET_FLAGS]?.bigEndian() ?? 0
      if flags & NFSet.Flags.anonymous.rawValue != 0 { continue }
      let dataType: UInt32 = attributes[NFTA_SET_DATA_TYPE]?.bigEndian() ?? 0
      signature.sets[name] = .init(
        flags: flags, keyType: attributes[NFTA_SET_KEY_TYPE]?.bigEndian() ?? 0,
        keyLength: attributes[NFTA_SET_KEY_LEN]?.bigEndian() ?? 0, dataType: dataType,
        // Of a verdict the kernel tells the size of its own structure.
        dataLength: dataType == NFSet.verdictType ? 0 : attributes[NFTA_SET_DATA_LEN]?.bigEndian() ?? 0,
        userdata: attributes[NFTA_SET_USERDATA].map { Array($0.value) } ?? [])
    }
    return signature
  }

  /// The elements of a set, in the kernel's order. ENOENT if there is no such set.
  package func elements(of set: String, in table: NFTable) throws -> [NFElement] {
    let messages = try socket.dump(
      "list elements of set \(set) of table \(table)", type: NFTablesBatch.type(NFT_MSG_GETSETELEM)
    ) { writer in
      writer.append(structure: nfgenmsg(nfgen_family: table.family.rawValue, version: 0, res_id: 0))
      writer.attribute(NFTA_SET_ELEM_LIST_TABLE, table.name)
      writer.attribute(NFTA_SET_ELEM_LIST_SET, set)
    }
    var elements: [NFElement] = []
    for message in messages {
      guard let list = message.attributes(after: 4)[NFTA_SET_ELEM_LIST_ELEMENTS] else { continue }
      for attribute in list.nested {
        if let element = NFElement(attribute.nested) { elements.append(element) }
      }
    }
    return elements
  }

  private func dump(_ type: nf_tables_msg_types, _ what: String, _ table: NFTable, _ nameAttribute: Int) throws
    -> [NetlinkMessage]
  {
    try socket.dump("list \(what) of table \(table)", type: NFTablesBatch.type(type)) { writer in
      writer.append(structure: nfgenmsg(nfgen_family: table.family.rawValue, version: 0, res_id: 0))
      writer.attribute(nameAttribute, table.name)
    }
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
