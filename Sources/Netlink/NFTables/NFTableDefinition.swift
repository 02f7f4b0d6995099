/// A whole table as it should be, apart from elements: its sets, chains and rules in order.
package struct NFTableDefinition: Sendable {
  package struct Chain: Sendable {
    package var chain: NFChain
    package var rules: [NFRule]

    package init(_ chain: NFChain, _ rules: [NFRule] = []) {
      self.chain = chain
      self.rules = rules
    }
  }

  package var table: NFTable
  package var sets: [NFSet]
  package var chains: [Chain]

  package init(_ table: NFTable, sets: [NFSet] = [], chains: [Chain] = []) {
    self.table = table
    self.sets = sets
    self.chains = chains
  }

  /// What a table made of this looks like when it is read back.
  package var signature: NFTableSignature {
    var signature = NFTableSignature(comment: table.comment, flags: table.flags)
    for set in sets { signature.sets[set.name] = NFTableSignature.Set(set) }
    for chain in chains {
      signature.chains[chain.chain.name] = NFTableSignature.Chain(
        base: chain.chain.base, rules: chain.rules.map { $0.fingerprint(in: table.family) })
    }
    return signature
  }
}

/// What distinguishes one table's structure from another's: two tables of equal signature differ in elements only. Rules
/// are compared by the fingerprint our encoder left in their userdata; a rule someone else wrote has none.
package struct NFTableSignature: Hashable, Sendable {
  package struct Chain: Hashable, Sendable {
    package var base: NFChain.Base?
    /// In order; nil for a rule that is not ours.
    package var rules: [UInt64?]
  }
  package struct Set: Hashable, Sendable {
    package var flags: UInt32
    package var keyType: UInt32
    package var keyLength: UInt32
    package var dataType: UInt32
    package var dataLength: UInt32
    package var userdata: [UInt8]
    package var counts = false

    init(flags: UInt32, keyType: UInt32, keyLength: UInt32, dataType: UInt32, dataLength: UInt32, userdata: [UInt8]) {
      self.flags = flags
      self.keyType = keyType
      self.keyLength = keyLength
      self.dataType = dataType
      self.dataLength = dataLength
      self.userdata = userdata
    }

    package init(_ set: NFSet) {
      let (dataType, dataLength): (UInt32, UInt32) =
        switch set.value {
        case .none: (0, 0)
        case .verdict: (NFSet.verdictType, 0)
        case .data(let types): (types.concatenatedID, UInt32(types.keySize))
        }
      self.init(
        flags: set.flags.rawValue, keyType: set.key.concatenatedID, keyLength: UInt32(set.key.keySize),
        dataType: dataType, dataLength: dataLength, userdata: set.userdata)
      counts = set.counts
    }
  }

  package var comment: String?
  package var flags: UInt32
  package var chains: [String: Chain] = [:]
  package var sets: [String: Set] = [:]

  /// A table without chains and sets.
  package init(comment: String?, flags: UInt32) {
    self.comment = comment
    self.flags = flags
  }
}

extension NFTablesBatch {
  /// Adds a table with its sets, chains and rules. Chains come before rules, so that any may jump to any.
  package mutating func add(_ definition: NFTableDefinition) {
    add(definition.table)
    for set in definition.sets { add(set, to: definition.table) }
    for chain in definition.chains { add(chain.chain, to: definition.table) }
    for chain in definition.chains {
      for rule in chain.rules { add(rule, to: chain.chain.name, of: definition.table) }
    }
  }
}
