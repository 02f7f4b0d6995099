package import Addressing

/// An address on a command line, as Corefiles have it.
package enum CorefileAddress {
  /// With or without a port; nil for what is neither.
  package static func parse(_ text: String, port: UInt16) -> AddressAndPort? { CorefileValue.split(text, port: port) }
}
