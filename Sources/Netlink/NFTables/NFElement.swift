package import Addressing
internal import CLinux

/// An element of a set or map. Keys and data are raw bytes; build concatenated ones with `NFKey`.
package struct NFElement: Hashable, Sendable {
  package enum Value: Hashable, Sendable {
    case verdict(NFVerdict)
    case data([UInt8])
  }

  package var key: [UInt8]
  /// The last key of a range in a concatenated interval set, inclusive.
  package var keyEnd: [UInt8]?
  package var value: Value?
  /// In milliseconds; nil for the set's own.
  package var timeout: UInt64?
  /// Milliseconds left of the timeout, as read; nil for all of it.
  package var expiration: UInt64?
  /// Shown by nft after the element; at most 127 bytes, longer ones are cut.
  package var comment: String?
  /// In an interval set of one type: this key is the first one *after* a range.
  package var isIntervalEnd = false

  package init(
    _ key: [UInt8], to keyEnd: [UInt8]? = nil, _ value: Value? = nil, timeout: UInt64? = nil, comment: String? = nil
  ) {
    self.key = key
    self.keyEnd = keyEnd
    self.value = value
    self.timeout = timeout
    self.comment = comment
  }

  /// The elements of a prefix in an interval set of addresses: where it begins and, unless it reaches the last address,
  /// the first address after it. Overlapping prefixes in one set are refused by the kernel.
  package static func interval(_ prefix: Prefix, _ value: Value? = nil, comment: String? = nil) -> [NFElement] {
    interval(prefix.first.bytes, prefix.last.bytes, value, comment: comment)
  }

  /// The elements of an inclusive range in an interval set of one type in network order.
  package static func interval(
    _ low: [UInt8], _ high: [UInt8], _ value: Value? = nil, comment: String? = nil
  ) -> [NFElement] {
    var elements = [NFElement(low, value, comment: comment)]
    if let next = successor(of: high) {
      var end = NFElement(next)
      end.isIntervalEnd = true
      elements.append(end)
    }
    return elements
  }

  private static func successor(of bytes: [UInt8]) -> [UInt8]? {
    var next = bytes
    for index in next.indices.reversed() {
      next[index] &+= 1
      if next[index] != 0 { return next }
    }
    return nil
  }

  func encode(into writer: inout NetlinkWriter) {
    writer.nested(NFTA_LIST_ELEM) { writer in
      if isIntervalEnd { writer.attribute(NFTA_SET_ELEM_FLAGS, bigEndian: NFT_SET_ELEM_INTERVAL_END.rawValue) }
      writer.nested(NFTA_SET_ELEM_KEY) { $0.attribute(NFTA_DATA_VALUE, bytes: key) }
      if let keyEnd { writer.nested(NFTA_SET_ELEM_KEY_END) { $0.attribute(NFTA_DATA_VALUE, bytes: keyEnd) } }
      switch value {
      case nil: break
      case .data(let bytes): writer.nested(NFTA_SET_ELEM_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes: bytes) }
      case .verdict(let verdict): writer.nested(NFTA_SET_ELEM_DATA) { verdict.encode(into: &$0) }
      }
      if let timeout { writer.attribute(NFTA_SET_ELEM_TIMEOUT, bigEndian: timeout) }
      if let expiration { writer.attribute(NFTA_SET_ELEM_EXPIRATION, bigEndian: expiration) }
      if let comment { writer.attribute(NFTA_SET_ELEM_USERDATA, bytes: NFUserdata.comment(comment)) }
    }
  }

  /// Reads one element of a dump; nil for an element without a key (catch-all).
  init?(_ attributes: NetlinkAttributes) {
    guard let key = attributes[NFTA_SET_ELEM_KEY]?.nested[NFTA_DATA_VALUE] else { return nil }
    self.key = Array(key.value)
    keyEnd = (attributes[NFTA_SET_ELEM_KEY_END]?.nested[NFTA_DATA_VALUE]).map { Array($0.value) }
    if let data = attributes[NFTA_SET_ELEM_DATA]?.nested {
      if let bytes = data[NFTA_DATA_VALUE] {
        value = .data(Array(bytes.value))
      } else if let verdict = data[NFTA_DATA_VERDICT] {
        value = NFVerdict(verdict.nested).map { .verdict($0) }
      }
    }
    timeout = attributes[NFTA_SET_ELEM_TIMEOUT]?.bigEndian()
    expiration = attributes[NFTA_SET_ELEM_EXPIRATION]?.bigEndian()
    comment = attributes[NFTA_SET_ELEM_USERDATA].flatMap { NFUserdata.comment(in: $0.value) }
    let flags = attributes[NFTA_SET_ELEM_FLAGS]?.bigEndian(UInt32.self) ?? 0
    isIntervalEnd = flags & NFT_SET_ELEM_INTERVAL_END.rawValue != 0
  }
}
