internal import CLinux

/// Changes to nf_tables that are applied together or not at all: the messages of one transaction. Elements are split so
/// that no netlink attribute passes its 64 KiB.
package struct NFTablesBatch {
  /// What a message does, kept to name it in an error; rendered only then.
  struct Operation {
    let verb: StaticString
    let table: NFTable
    let object: String
    var description: String {
      object.isEmpty ? "\(verb) table \(table)" : "\(verb) \(object) of table \(table)"
    }
  }

  /// Elements a message.
  package static let elementsPerMessage = 500
  /// Bytes of elements a message; an attribute's length has 16 bits.
  static let elementBytesPerMessage = 60_000

  private(set) var writer = NetlinkWriter()
  private(set) var operations: [Operation] = []
  private var nextSetID: UInt32 = 1

  package init() {}

  package var isEmpty: Bool { operations.isEmpty }
  /// The number of messages.
  package var count: Int { operations.count }
  /// Bytes of all messages.
  package var byteCount: Int { writer.count }

  // Tables

  /// Adds a table; does nothing to one that exists.
  package mutating func add(_ table: NFTable) {
    message(NFT_MSG_NEWTABLE, Self.create, table, "add", "") { writer in
      writer.attribute(NFTA_TABLE_NAME, table.name)
      if table.flags != 0 { writer.attribute(NFTA_TABLE_FLAGS, bigEndian: table.flags) }
      if let comment = table.comment {
        writer.attribute(NFTA_TABLE_USERDATA, bytes: NFUserdata.comment(comment))
      }
    }
  }
  /// Deletes a table with everything in it; fails if it is not there.
  package mutating func delete(_ table: NFTable) {
    message(NFT_MSG_DELTABLE, 0, table, "delete", "") { $0.attribute(NFTA_TABLE_NAME, table.name) }
  }
  /// Leaves no such table, whether it was there or not (old kernels have no "destroy"): adds it, then deletes it.
  package mutating func ensureAbsent(_ table: NFTable) {
    add(NFTable(table.family, table.name))
    delete(table)
  }
  /// Replaces a table by an empty one, whatever was there.
  package mutating func replace(_ table: NFTable) {
    ensureAbsent(table)
    add(table)
  }

  // Chains

  package mutating func add(_ chain: NFChain, to table: NFTable) {
    message(NFT_MSG_NEWCHAIN, Self.create, table, "add", "chain \(chain.name)") { writer in
      writer.attribute(NFTA_CHAIN_TABLE, table.name)
      writer.attribute(NFTA_CHAIN_NAME, chain.name)
      if let base = chain.base {
        writer.nested(NFTA_CHAIN_HOOK) { writer in
          writer.attribute(NFTA_HOOK_HOOKNUM, bigEndian: base.hook.rawValue)
          writer.attribute(NFTA_HOOK_PRIORITY, bigEndian: base.priority)
        }
        writer.attribute(NFTA_CHAIN_POLICY, bigEndian: base.policy.rawValue)
        writer.attribute(NFTA_CHAIN_TYPE, base.kind.rawValue)
      }
      if let comment = chain.comment {
        writer.attribute(NFTA_CHAIN_USERDATA, bytes: NFUserdata.comment(comment))
      }
    }
  }
  /// Deletes an empty chain that nothing jumps to any more.
  package mutating func delete(chain: String, of table: NFTable) {
    message(NFT_MSG_DELCHAIN, 0, table, "delete", "chain \(chain)") { writer in
      writer.attribute(NFTA_CHAIN_TABLE, table.name)
      writer.attribute(NFTA_CHAIN_NAME, chain)
    }
  }
  /// Deletes all rules of a chain.
  package mutating func flush(chain: String, of table: NFTable) {
    message(NFT_MSG_DELRULE, 0, table, "flush", "chain \(chain)") { writer in
      writer.attribute(NFTA_RULE_TABLE, table.name)
      writer.attribute(NFTA_RULE_CHAIN, chain)
    }
  }

  // Rules

  /// Appends a rule to a chain, after the anonymous sets it needs.
  package mutating func add(_ rule: NFRule, to chain: String, of table: NFTable) {
    var lowering = NFLowering(family: table.family, firstSetID: nextSetID)
    for statement in rule.statements { lowering.lower(statement) }
    for set in lowering.anonymousSets { addAnonymous(set, to: table) }
    let expressions = lowering.expressions
    message(NFT_MSG_NEWRULE, Self.create | UInt16(NLM_F_APPEND), table, "add", "rule of chain \(chain)") { writer in
      writer.attribute(NFTA_RULE_TABLE, table.name)
      writer.attribute(NFTA_RULE_CHAIN, chain)
      writer.nested(NFTA_RULE_EXPRESSIONS) { writer in
        for expression in expressions { expression.encode(into: &writer) }
      }
      writer.attribute(NFTA_RULE_USERDATA, bytes: rule.userdata(in: table.family))
    }
  }

  private mutating func addAnonymous(_ anonymous: NFAnonymousSet, to table: NFTable) {
    let isInterval = anonymous.isInterval
    var flags: NFSet.Flags = [.anonymous, .constant]
    if isInterval { flags.insert(.interval) }
    let set = NFSet("__set%d", key: [anonymous.type], flags: flags, size: UInt32(anonymous.ranges.count))
    let id = add(set, to: table)
    var elements: [NFElement] = []
    for range in anonymous.ranges {
      let (low, high) = (range.low.bytes(as: anonymous.type), range.high.bytes(as: anonymous.type))
      elements += isInterval ? NFElement.interval(low, high) : [NFElement(low)]
    }
    change(NFT_MSG_NEWSETELEM, Self.create, elements, set.name, id, table, "add elements to")
  }

  // Sets and elements

  /// Adds a set and returns its id within the batch.
  @discardableResult
  package mutating func add(_ set: NFSet, to table: NFTable) -> UInt32 {
    let id = nextSetID
    nextSetID += 1
    message(NFT_MSG_NEWSET, Self.create, table, "add", "set \(set.name)") { writer in
      writer.attribute(NFTA_SET_TABLE, table.name)
      writer.attribute(NFTA_SET_NAME, set.name)
      set.encode(id: id, into: &writer)
    }
    return id
  }
  package mutating func delete(set: String, of table: NFTable) {
    message(NFT_MSG_DELSET, 0, table, "delete", "set \(set)") { writer in
      writer.attribute(NFTA_SET_TABLE, table.name)
      writer.attribute(NFTA_SET_NAME, set)
    }
  }
  /// Adds elements. One that is there already with the same value stays as it is; with another value it is refused.
  package mutating func add(_ elements: [NFElement], to set: String, of table: NFTable) {
    change(NFT_MSG_NEWSETELEM, Self.create, elements, set, nil, table, "add elements to")
  }
  /// Deletes elements, by key; one that is not there is refused. To replace a value, delete and add in one batch.
  package mutating func delete(_ elements: [NFElement], from set: String, of table: NFTable) {
    change(NFT_MSG_DELSETELEM, 0, elements, set, nil, table, "delete elements of")
  }
  /// Deletes all elements of a set.
  package mutating func flush(set: String, of table: NFTable) {
    message(NFT_MSG_DELSETELEM, 0, table, "flush", "set \(set)") { writer in
      writer.attribute(NFTA_SET_ELEM_LIST_TABLE, table.name)
      writer.attribute(NFTA_SET_ELEM_LIST_SET, set)
    }
  }

  private mutating func change(
    _ type: nf_tables_msg_types, _ flags: UInt16, _ elements: [NFElement], _ set: String, _ setID: UInt32?,
    _ table: NFTable, _ verb: StaticString
  ) {
    var index = elements.startIndex
    while index < elements.endIndex {
      message(type, flags, table, verb, "set \(set)") { writer in
        writer.attribute(NFTA_SET_ELEM_LIST_TABLE, table.name)
        writer.attribute(NFTA_SET_ELEM_LIST_SET, set)
        if let setID { writer.attribute(NFTA_SET_ELEM_LIST_SET_ID, bigEndian: setID) }
        writer.nested(NFTA_SET_ELEM_LIST_ELEMENTS) { writer in
          let (start, last) = (writer.count, Swift.min(index + Self.elementsPerMessage, elements.endIndex))
          while index < last, writer.count - start < Self.elementBytesPerMessage {
            elements[index].encode(into: &writer)
            index += 1
          }
        }
      }
    }
  }

  // Messages

  private static let create = UInt16(NLM_F_CREATE)

  /// The type of a message of the nf_tables subsystem.
  static func type(_ message: nf_tables_msg_types) -> UInt16 {
    UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(message.rawValue)
  }

  /// Message i of the batch has sequence number i + 1; 0 is the beginning.
  private mutating func message(
    _ type: nf_tables_msg_types, _ flags: UInt16, _ table: NFTable, _ verb: StaticString, _ object: String,
    _ body: (inout NetlinkWriter) -> Void
  ) {
    operations.append(Operation(verb: verb, table: table, object: object))
    writer.message(
      type: Self.type(type), flags: UInt16(NLM_F_REQUEST) | flags, sequence: UInt32(operations.count)
    ) { writer in
      writer.append(structure: nfgenmsg(nfgen_family: table.family.rawValue, version: 0, res_id: 0))
      body(&writer)
    }
  }
}

extension NFRule {
  /// Type of our own entry in a rule's userdata: the fingerprint of the expressions as we wrote them. nft skips entries it
  /// does not know. A rule that someone replaced has lost it.
  static let fingerprintEntry: UInt8 = 0xE7

  /// FNV-1a over the encoded expressions, anonymous sets included: equal for equal rules on every machine.
  package func fingerprint(in family: NFFamily) -> UInt64 {
    var lowering = NFLowering(family: family)
    for statement in statements { lowering.lower(statement) }
    var writer = NetlinkWriter()
    for expression in lowering.expressions { expression.encode(into: &writer) }
    for set in lowering.anonymousSets {
      for range in set.ranges {
        writer.append(bytes: range.low.bytes(as: set.type))
        writer.append(bytes: range.high.bytes(as: set.type))
      }
    }
    return writer.bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  func userdata(in family: NFFamily) -> [UInt8] {
    var userdata = NFUserdata()
    if let comment { userdata.put(comment: comment) }
    userdata.put(Self.fingerprintEntry, withUnsafeBytes(of: fingerprint(in: family)) { Array($0) })
    return userdata.bytes
  }
}
