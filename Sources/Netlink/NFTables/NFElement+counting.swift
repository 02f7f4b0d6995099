internal import CLinux

extension NFElement {
  /// The elements in a message of a dump, with the packets that found each, where the set counts them.
  static func countedElements(in message: NetlinkMessage) -> [(element: NFElement, packets: UInt64?)] {
    guard let list = message.attributes(after: 4)[NFTA_SET_ELEM_LIST_ELEMENTS] else { return [] }
    return list.nested.compactMap { entry in
      let attributes = entry.nested
      guard let element = NFElement(attributes) else { return nil }
      let data = attributes[NFTA_SET_ELEM_EXPR]?.nested[NFTA_EXPR_DATA]?.nested
      return (element, data?[NFTA_COUNTER_PACKETS]?.bigEndian())
    }
  }
}
