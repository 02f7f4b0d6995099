package import Addressing

/// The names and Ethernet addresses of a pod's link. All are derived, so that they need not be asked or stored.
package enum PodLink {
  /// How often another name is tried, at most.
  static let attempts = 8

  /// The host's end of a pod's veth: `veth` and eleven hexadecimal digits of the container and its interface, 15 bytes,
  /// the kernel's limit. `attempt` gives another name where two containers get the same one.
  package static func hostName(_ attachment: NetworkConfiguration.Attachment, attempt: Int = 0) -> String {
    let suffix = attempt == 0 ? "" : "/\(attempt)"
    let digits = String(fnv1a("\(attachment.containerID)/\(attachment.interfaceName)\(suffix)"), radix: 16)
    return "veth" + (String(repeating: "0", count: 16 - digits.utf8.count) + digits).prefix(11)
  }

  /// The alias of the host's end, which tells whose it is, to programs by its first three words, and to people by the
  /// rest: the pod's name and aliases, cut to the 255 bytes the kernel takes.
  package static func alias(_ attachment: NetworkConfiguration.Attachment, _ runtime: RuntimeConfiguration = .init())
    -> String
  {
    let words =
      [NetworkConfiguration.pluginType, attachment.containerID, attachment.interfaceName]
      + [runtime.pod, runtime.aliases.isEmpty ? nil : runtime.aliases.joined(separator: ",")].compactMap(\.self)
    return String(decoding: words.joined(separator: " ").utf8.prefix(255), as: UTF8.self)
  }

  /// The attachment that an alias names; nil for links that are not ours.
  package static func attachment(alias: String) -> NetworkConfiguration.Attachment? {
    let words = alias.split(separator: " ").map(String.init)
    guard words.count >= 3, words[0] == NetworkConfiguration.pluginType else { return nil }
    return .init(containerID: words[1], interfaceName: words[2])
  }

  /// Whether a link with this alias belongs to an attachment. Without an alias it is one whose ADD died halfway, and
  /// its name says enough.
  static func isAlias(_ alias: String?, of attachment: NetworkConfiguration.Attachment) -> Bool {
    guard let alias else { return true }
    return alias == self.alias(attachment) || alias.hasPrefix(self.alias(attachment) + " ")
  }

  /// The gateway of pods that are wired without a bridge, the same on every node: 169.254.1.1 or fe80::1. The node's end of
  /// each pod's link holds it.
  package static func gateway(_ family: IPFamily) -> IPAddress {
    switch family {
    case .v4: IPAddress(.v4, number: 0xA9FE_0101)
    case .v6: IPAddress(.v6, number: 0xFE80 << 112 | 1)
    }
  }

  /// RT_SCOPE_LINK: such an address is never the source of packets that leave by another link, nor of masqueraded ones.
  static let linkScope: UInt8 = 253

  /// The protocol number of the host routes to pods, which are not the agent's: it repairs those of 87, and the plugin works
  /// without it.
  package static let routeProtocol: UInt8 = 88

  /// The Ethernet address of whoever has an IP address: 0a:58 and the four bytes of IPv4, or four bytes mixed from IPv6.
  /// When an address is used again, whoever remembers its Ethernet address remembers the right one.
  package static func mac(for address: IPAddress) -> MACAddress {
    let low: UInt64 =
      switch address {
      case .v4(let four): UInt64(four.rawValue)
      case .v6: fnv1a("\(address)") & 0xFFFF_FFFF
      }
    return MACAddress(rawValue: 0x0A58 << 32 | low)
  }

  /// The Ethernet address of the host's end.
  package static func hostMAC(_ attachment: NetworkConfiguration.Attachment) -> MACAddress {
    MACAddress(rawValue: 0x0A59 << 32 | fnv1a(alias(attachment)) & 0xFFFF_FFFF)
  }

  /// Whether a link may be the host's end of one of our pods by its name.
  static func isHostName(_ name: String) -> Bool {
    name.hasPrefix("veth") && name.utf8.count == 15
      && name.utf8.dropFirst(4).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// Whether a link may be the host's end of one of our pods by its Ethernet address.
  static func isHostMAC(_ mac: MACAddress?) -> Bool { mac.map { $0.rawValue >> 32 == 0x0A59 } ?? false }

  /// FNV-1a, 64 bits: the same on every machine and in every version, unlike Swift's own hashes.
  private static func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}
