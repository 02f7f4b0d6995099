internal import CLinux

/// A set, map or verdict map.
package struct NFSet: Hashable, Sendable {
  package struct Flags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static let anonymous = Flags(rawValue: NFT_SET_ANONYMOUS.rawValue)
    package static let constant = Flags(rawValue: NFT_SET_CONSTANT.rawValue)
    package static let interval = Flags(rawValue: NFT_SET_INTERVAL.rawValue)
    package static let map = Flags(rawValue: NFT_SET_MAP.rawValue)
    package static let timeout = Flags(rawValue: NFT_SET_TIMEOUT.rawValue)
    /// Elements are added by rules: `flags dynamic` (NFT_SET_EVAL).
    package static let dynamic = Flags(rawValue: NFT_SET_EVAL.rawValue)
    /// Several types make the key.
    package static let concatenation = Flags(rawValue: NFT_SET_CONCAT.rawValue)
  }
  /// What an element leads to.
  package enum Value: Hashable, Sendable {
    case none
    case verdict
    case data([NFDataType])
  }

  package var name: String
  package var key: [NFDataType]
  package var value: Value
  package var flags: Flags
  /// The largest number of elements; nil for no bound. Dynamic sets should have one.
  package var size: UInt32?
  /// Default timeout of elements in milliseconds.
  package var timeout: UInt64?
  package var comment: String?
  /// The fields the key is compared with, where nft needs them to print it (`typeof`): always for a numgen in the key.
  package var keyFields: [NFField] = []
  package var dataFields: [NFField] = []
  /// Every element counts the packets that found it (`counter`; kernels from 5.7 on).
  package var counts = false

  /// `set NAME { type KEY; }`. Flags for a concatenation, which only matter with intervals, are set as nft does.
  package init(
    _ name: String, key: [NFDataType], value: Value = .none, flags: Flags = [], size: UInt32? = nil,
    timeout: UInt64? = nil, comment: String? = nil
  ) {
    self.name = name
    self.key = key
    self.value = value
    self.flags = flags
    if value != .none { self.flags.insert(.map) }
    if timeout != nil { self.flags.insert(.timeout) }
    if key.count > 1, flags.contains(.interval) { self.flags.insert(.concatenation) }
    self.size = size
    self.timeout = timeout
    self.comment = comment
  }

  /// `map NAME { typeof FIELD . FIELD : FIELD . FIELD; }`, or a set without data fields.
  package init(
    _ name: String, typeof key: [NFField], data: [NFField] = [], flags: Flags = [], size: UInt32? = nil,
    timeout: UInt64? = nil, comment: String? = nil
  ) {
    self.init(
      name, key: key.map(\.type), value: data.isEmpty ? .none : .data(data.map(\.type)), flags: flags, size: size,
      timeout: timeout, comment: comment)
    keyFields = key
    dataFields = data
  }

  /// The number a data type has in NFTA_SET_DATA_TYPE when the data is a verdict (NFT_DATA_VERDICT).
  static let verdictType: UInt32 = 0xFFFF_FF00

  /// Writes the attributes of NFT_MSG_NEWSET after table and name.
  func encode(id: UInt32, into writer: inout NetlinkWriter) {
    writer.attribute(NFTA_SET_FLAGS, bigEndian: flags.rawValue)
    writer.attribute(NFTA_SET_KEY_TYPE, bigEndian: key.concatenatedID)
    writer.attribute(NFTA_SET_KEY_LEN, bigEndian: UInt32(key.keySize))
    switch value {
    case .none: break
    case .verdict: writer.attribute(NFTA_SET_DATA_TYPE, bigEndian: Self.verdictType)
    case .data(let types):
      writer.attribute(NFTA_SET_DATA_TYPE, bigEndian: types.concatenatedID)
      writer.attribute(NFTA_SET_DATA_LEN, bigEndian: UInt32(types.keySize))
    }
    if let timeout { writer.attribute(NFTA_SET_TIMEOUT, bigEndian: timeout) }
    if counts { writer.nested(NFTA_SET_EXPR) { $0.attribute(NFTA_EXPR_NAME, "counter") } }
    writer.attribute(NFTA_SET_ID, bigEndian: id)
    let needsFields = flags.contains(.concatenation)
    if size != nil || needsFields {
      writer.nested(NFTA_SET_DESC) { writer in
        if let size { writer.attribute(NFTA_SET_DESC_SIZE, bigEndian: size) }
        guard needsFields else { return }
        writer.nested(NFTA_SET_DESC_CONCAT) { writer in
          for type in key {
            writer.nested(NFTA_LIST_ELEM) { $0.attribute(NFTA_SET_FIELD_LEN, bigEndian: UInt32(type.size)) }
          }
        }
      }
    }
    writer.attribute(NFTA_SET_USERDATA, bytes: userdata)
  }
}
