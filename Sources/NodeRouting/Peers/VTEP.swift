package import Addressing
internal import JSON

/// One end of a VXLAN tunnel as its node announces it: flannel's `{"VNI":1,"VtepMAC":"…"}`.
package struct VTEP: Hashable, Sendable {
  /// VXLAN network identifier.
  package var id: UInt32
  /// Ethernet address of the node's VXLAN link.
  package var mac: MACAddress

  package init(id: UInt32, mac: MACAddress) {
    self.id = id
    self.mac = mac
  }

  /// nil for anything else than flannel's small object; an absent VNI is 1, as in flannel.
  package init?(parsing text: String) {
    guard let json = try? JSON(parsing: Array(text.utf8)), let mac = json["VtepMAC"].string.flatMap(MACAddress.init),
      !mac.isMulticast
    else { return nil }
    var id: UInt32 = 1
    if json["VNI"] != .null {
      guard let number = json["VNI"].int, (0..<1 << 24).contains(number) else { return nil }
      id = UInt32(number)
    }
    self.init(id: id, mac: mac)
  }

  package var text: String { #"{"VNI":\#(id),"VtepMAC":"\#(mac)"}"# }

  /// The address for a node's VXLAN link over an underlay of a family: the same for good, so that a restart or a link made
  /// anew is no news to its peers. Locally administered, from the FNV-1a hash of the node's name.
  package static func mac(of node: String, underlay: IPFamily) -> MACAddress {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    let text = underlay == .v4 ? "swiftlet-vxlan/\(node)" : "swiftlet-vxlan6/\(node)"
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return MACAddress(rawValue: (hash & 0xFCFF_FFFF_FFFF) | 0x0200_0000_0000)
  }

  /// A link-local IPv6 address for the other end, from its Ethernet address (RFC 4291, appendix A). It lies in no pod
  /// range, so the kernel takes it as a gateway whatever other routes there are.
  package var linkLocal: IPAddress {
    let raw = UInt128(mac.rawValue)
    let identifier = ((raw >> 24) << 40 | 0xFF_FE00_0000 | (raw & 0xFF_FFFF)) ^ 0x0200_0000_0000_0000
    return IPAddress(.v6, number: 0xFE80 << 112 | identifier)
  }
}
