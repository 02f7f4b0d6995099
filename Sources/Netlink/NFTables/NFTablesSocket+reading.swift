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
    return messages.compactMap { NFTable($0) }
  }

  /// The structure of a table, without elements; nil if there is no such table. Anonymous sets are left out.
  package func signature(of table: NFTable) throws -> NFTableSignature? {
    guard let found = try tables().first(where: { $0.family == table.family && $0.name == table.name }) else {
      return nil
    }
    var signature = NFTableSignature(comment: found.comment, flags: found.flags)
    for message in try dump(NFT_MSG_GETCHAIN, "chains", table, Int(NFTA_CHAIN_TABLE.rawValue)) {
      signature.readChain(message, of: table)
    }
    for message in try dump(NFT_MSG_GETRULE, "rules", table, Int(NFTA_RULE_TABLE.rawValue)) {
      signature.readRule(message, of: table)
    }
    for message in try dump(NFT_MSG_GETSET, "sets", table, Int(NFTA_SET_TABLE.rawValue)) {
      signature.readSet(message, of: table)
    }
    return signature
  }

  /// How many elements the sets of a table may have, of those that have a bound. ENOENT if there is no such table.
  package func setSizes(of table: NFTable) throws -> [String: UInt32] {
    var sizes: [String: UInt32] = [:]
    for message in try dump(NFT_MSG_GETSET, "sets", table, Int(NFTA_SET_TABLE.rawValue)) {
      let attributes = message.attributes(after: 4)
      guard attributes[NFTA_SET_TABLE]?.string == table.name, let name = attributes[NFTA_SET_NAME]?.string else {
        continue
      }
      sizes[name] = attributes[NFTA_SET_DESC]?.nested[NFTA_SET_DESC_SIZE]?.bigEndian()
    }
    return sizes
  }

  /// The elements of a set, in the kernel's order. ENOENT if there is no such set.
  package func elements(of set: String, in table: NFTable) throws -> [NFElement] {
    try elementMessages(of: set, in: table).flatMap { NFElement.elements(in: $0) }
  }

  /// The same one by one, for large sets; `begin` is called before the first, and again when the reading begins anew
  /// because the set changed under it.
  package func readElements(
    of set: String, in table: NFTable, begin: () -> Void, each: (NFElement) -> Void
  ) throws {
    try socket.dump(
      "list elements of set \(set) of table \(table)", type: NFTablesBatch.type(NFT_MSG_GETSETELEM),
      { Self.askElements(of: set, in: table, &$0) }, begin: begin,
      each: { message in
        guard let list = message.attributes(after: 4)[NFTA_SET_ELEM_LIST_ELEMENTS] else { return }
        for entry in list.nested {
          if let element = NFElement(entry.nested) { each(element) }
        }
      })
  }

  private static func askElements(of set: String, in table: NFTable, _ writer: inout NetlinkWriter) {
    writer.append(structure: nfgenmsg(nfgen_family: table.family.rawValue, version: 0, res_id: 0))
    writer.attribute(NFTA_SET_ELEM_LIST_TABLE, table.name)
    writer.attribute(NFTA_SET_ELEM_LIST_SET, set)
  }

  /// The elements of a set with the packets that found each, where the set counts them.
  package func countedElements(of set: String, in table: NFTable) throws -> [(element: NFElement, packets: UInt64?)] {
    try elementMessages(of: set, in: table).flatMap { NFElement.countedElements(in: $0) }
  }

  private func elementMessages(of set: String, in table: NFTable) throws -> [NetlinkMessage] {
    try socket.dump(
      "list elements of set \(set) of table \(table)", type: NFTablesBatch.type(NFT_MSG_GETSETELEM)
    ) { Self.askElements(of: set, in: table, &$0) }
  }

  private func dump(_ type: nf_tables_msg_types, _ what: String, _ table: NFTable, _ nameAttribute: Int) throws
    -> [NetlinkMessage]
  {
    try socket.dump("list \(what) of table \(table)", type: NFTablesBatch.type(type)) { writer in
      writer.append(structure: nfgenmsg(nfgen_family: table.family.rawValue, version: 0, res_id: 0))
      writer.attribute(nameAttribute, table.name)
    }
  }
}
