internal import CLinux

/// A generic netlink family, as the running kernel has numbered it.
package struct GenericFamily: Hashable, Sendable {
  package let name: String
  /// The message type of its requests; another one after each boot.
  package let id: UInt16
  package let version: UInt8

  package init(name: String, id: UInt16, version: UInt8) {
    self.name = name
    self.id = id
    self.version = version
  }

  /// nil for what does not describe a family.
  package init?(_ message: NetlinkMessage) {
    let attributes = message.genericAttributes
    guard let name = attributes[Int(CTRL_ATTR_FAMILY_NAME)]?.string,
      let id: UInt16 = attributes[Int(CTRL_ATTR_FAMILY_ID)]?.number()
    else { return nil }
    self.init(
      name: name, id: id,
      version: UInt8(truncatingIfNeeded: attributes[Int(CTRL_ATTR_VERSION)]?.number(UInt32.self) ?? 1))
  }
}
