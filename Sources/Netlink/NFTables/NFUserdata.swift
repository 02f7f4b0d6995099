/// nft's own notes on an object, which the kernel only stores: type (1 byte), length (1 byte), value. nft prints comments
/// and the names of types from them.
struct NFUserdata {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ type: UInt8, _ value: UInt32) {
    bytes.append(type)
    bytes.append(4)
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }
  mutating func put(_ type: UInt8, _ value: some Collection<UInt8>) {
    precondition(value.count < 256, "userdata of \(value.count) bytes")
    bytes.append(type)
    bytes.append(UInt8(value.count))
    bytes.append(contentsOf: value)
  }
  /// A comment, cut to the 127 bytes nft allows, with its terminating zero.
  mutating func put(comment: String, type: UInt8 = 0) {
    var text = Array(comment.utf8.prefix(127))
    // Never half a character: nft would print garbage.
    while String(validating: text, as: UTF8.self) == nil { text.removeLast() }
    put(type, text + [0])
  }

  static func comment(_ comment: String) -> [UInt8] {
    var userdata = NFUserdata()
    userdata.put(comment: comment)
    return userdata.bytes
  }

  /// The first entry of a type in stored bytes; malformed lengths end the search.
  static func entry(_ type: UInt8, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var rest = bytes
    while rest.count >= 2 {
      let (found, length) = (rest[rest.startIndex], Int(rest[rest.startIndex + 1]))
      guard rest.count >= 2 + length else { return nil }
      let value = rest[(rest.startIndex + 2)..<(rest.startIndex + 2 + length)]
      if found == type { return value }
      rest = rest.dropFirst(2 + length)
    }
    return nil
  }
  static func comment(in bytes: ArraySlice<UInt8>, type: UInt8 = 0) -> String? {
    entry(type, in: bytes).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

extension NFSet {
  /// Types of NFTNL_UDATA_SET_…, which libnftnl and nft share.
  private enum Entry {
    static let keyByteOrder: UInt8 = 0
    static let dataByteOrder: UInt8 = 1
    static let keyTypeof: UInt8 = 3
    static let dataTypeof: UInt8 = 4
    static let dataInterval: UInt8 = 6
    static let comment: UInt8 = 7
  }

  /// The set's userdata, byte for byte as nft 1.0.6 writes it. Without the typeof of a numgen key nft prints slots wrong.
  package var userdata: [UInt8] {
    var userdata = NFUserdata()
    // A concatenation has no byte order of its own (0).
    userdata.put(Entry.keyByteOrder, key.count == 1 ? key[0].byteOrder.rawValue : 0)
    switch value {
    case .none: break
    // nft aborts when a verdict has a byte order: it would swap the bytes of a value of length 0.
    case .verdict: userdata.put(Entry.dataByteOrder, 0)
    case .data(let types): userdata.put(Entry.dataByteOrder, types.count == 1 ? types[0].byteOrder.rawValue : 0)
    }
    if !keyFields.isEmpty { userdata.put(Entry.keyTypeof, Self.typeof(keyFields)) }
    if !dataFields.isEmpty { userdata.put(Entry.dataTypeof, Self.typeof(dataFields)) }
    if value != .none { userdata.put(Entry.dataInterval, 0) }
    if let comment { userdata.put(comment: comment, type: Entry.comment) }
    return userdata.bytes
  }

  /// `expr_types` of nft's source.
  private enum ExpressionType {
    static let payload: UInt32 = 7
    static let meta: UInt32 = 9
    static let ct: UInt32 = 12
    static let concatenation: UInt32 = 13
    static let numgen: UInt32 = 23
    static let fib: UInt32 = 26
  }

  private static func typeof(_ fields: [NFField]) -> [UInt8] {
    if fields.count == 1 { return typeof(fields[0]) }
    var parts = NFUserdata()
    for (index, field) in fields.enumerated() { parts.put(UInt8(index), typeof(field)) }
    return expression(ExpressionType.concatenation, parts)
  }

  private static func typeof(_ field: NFField) -> [UInt8] {
    var data = NFUserdata()
    switch field.source {
    case .payload:
      guard let name = field.payloadName else { preconditionFailure("payload field without a name") }
      data.put(0, name.description)
      data.put(1, name.field)
      return expression(ExpressionType.payload, data)
    case .meta(let key):
      data.put(0, key)
      return expression(ExpressionType.meta, data)
    case .ct(let key, let direction):
      data.put(0, key)
      // nft keeps a direction of -1 for none.
      data.put(1, direction.map { UInt32($0.rawValue) } ?? UInt32.max)
      return expression(ExpressionType.ct, data)
    case .random(let modulus, let offset):
      data.put(0, 1)  // NFT_NG_RANDOM
      data.put(1, modulus)
      data.put(2, offset)
      return expression(ExpressionType.numgen, data)
    case .fib(let result, let flags):
      data.put(0, result)
      data.put(1, flags)
      return expression(ExpressionType.fib, data)
    }
  }

  private static func expression(_ type: UInt32, _ data: NFUserdata) -> [UInt8] {
    var userdata = NFUserdata()
    userdata.put(0, type)
    userdata.put(1, data.bytes)
    return userdata.bytes
  }
}
