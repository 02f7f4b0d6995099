internal import Addressing
internal import Netlink

/// Tables `bridge swiftlet-spoofing` and, for pods wired without a bridge, `inet swiftlet-spoofing`: a pod sends from its
/// own addresses only. Rules are constant; a pod is a few elements.
///
/// On the bridge also the Ethernet address is checked, or a pod could draw another's packets to its port, and what ARP and
/// neighbour discovery claim, or it could pose as the gateway. On a routed link neither leads anywhere: packets go where
/// the node's routes say. Link-local and unspecified IPv6 sources are free, neighbour discovery needs them; a pod is no
/// router, so what only routers say is dropped.
struct SpoofingTable: Hashable {
  /// One pod's link and what it may send.
  struct Port: Hashable {
    /// Name of the node's end.
    var port: String
    var attachment: NetworkConfiguration.Attachment
    var macs: [MACAddress]
    var addresses: [IPAddress]
  }

  let isBridged: Bool

  static let all = [SpoofingTable(isBridged: true), SpoofingTable(isBridged: false)]

  var table: NFTable {
    NFTable(isBridged ? .bridge : .inet, "swiftlet-spoofing", comment: "what pods may send, by swiftlet; do not edit")
  }

  static let ports = "ports"
  static let hardware = "hardware"
  static func sources(_ family: IPFamily) -> String { family == .v4 ? "sources4" : "sources6" }
  static func senders(_ family: IPFamily) -> String { family == .v4 ? "senders4" : "senders6" }

  /// The table without elements.
  var definition: NFTableDefinition {
    var sets = [NFSet(Self.ports, key: [.interfaceName], comment: "links of pods")]
    if isBridged { sets.append(NFSet(Self.hardware, key: [.interfaceName, .etherAddress])) }
    sets += IPFamily.allCases.map { NFSet(Self.sources($0), key: [.interfaceName, .address($0)]) }
    if isBridged {
      sets += IPFamily.allCases.map { NFSet(Self.senders($0), key: [.interfaceName, .etherAddress, .address($0)]) }
    }
    // Before connection tracking, so that a forged packet leaves no entry.
    let priority = isBridged ? NFPriority.bridgeDestinationNAT : NFPriority.raw
    return NFTableDefinition(
      table, sets: sets,
      chains: [
        .init(NFChain("pod"), isBridged ? bridgeRules : routedRules),
        .init(
          NFChain("prerouting", .init(.filter, .prerouting, priority: priority)),
          quickRules + [NFRule([.match(.inputInterface, inSet: Self.ports), .goto("pod")])]),
      ])
  }

  /// Nearly every packet is a pod's own: one lookup lets it pass, and all other rules are for the rest. ICMPv6 takes the
  /// long way, since it may claim addresses.
  private var quickRules: [NFRule] {
    IPFamily.allCases.map { family in
      let isHarmless: [NFStatement] = family == .v4 ? [] : [.match(.l4Protocol, not: 58)]
      let isOwn: NFStatement =
        isBridged
        ? .match(.inputInterface, .etherSource, .source(family), inSet: Self.senders(family))
        : .match(.inputInterface, .source(family), inSet: Self.sources(family))
      return NFRule(isHarmless + [isOwn, .accept])
    }
  }

  private var routedRules: [NFRule] {
    [drop(.match(.inputInterface, .source(.v4), notInSet: Self.sources(.v4)))] + ipv6Rules
  }

  private var bridgeRules: [NFRule] {
    [
      drop(.match(.inputInterface, .etherSource, notInSet: Self.hardware)),
      drop(.match(.inputInterface, .source(.v4), notInSet: Self.sources(.v4))),
      drop(.match(.inputInterface, .arpSourceHardware, notInSet: Self.hardware)),
      // A probe has no source (RFC 5227).
      drop(
        .match(.arpSourceAddress, not: .address(IPAddress(.v4, number: 0))),
        .match(.inputInterface, .arpSourceAddress, notInSet: Self.sources(.v4))),
      // A neighbour advertisement says where its target is, whatever its source.
      drop(
        .match(.icmpv6Type, 136), .match(.icmpv6Target, notIn: Self.linkLocal),
        .match(.inputInterface, .icmpv6Target, notInSet: Self.sources(.v6))),
    ] + ipv6Rules + [
      drop(.anyOf(.linkProtocol, [0x0800, 0x0806, 0x86DD], inverted: true))
    ]
  }

  private var ipv6Rules: [NFRule] {
    [
      drop(.match(.icmpv6Type, anyOf: [134, 137])),
      NFRule([.match(.source(.v6), in: Self.linkLocal), .accept]),
      NFRule([.match(.source(.v6), .address(IPAddress(.v6, number: 0))), .accept]),
      drop(.match(.inputInterface, .source(.v6), notInSet: Self.sources(.v6))),
    ]
  }

  private static let linkLocal = Prefix(IPAddress(.v6, number: 0xFE80 << 112), length: 10)

  private func drop(_ conditions: NFStatement...) -> NFRule { NFRule(conditions + [.counter, .drop]) }

  /// What a pod adds to each set.
  func elements(_ port: Port) -> [(set: String, elements: [NFElement])] {
    let name = NFValue.name(port.port).bytes(as: .interfaceName)
    func key(_ rest: [UInt8]) -> [UInt8] {
      var key = NFKey()
      key.append(name)
      key.append(rest)
      return key.bytes
    }
    let comment = "\(port.attachment.containerID) \(port.attachment.interfaceName)"
    var result = [(set: Self.ports, elements: [NFElement(name, comment: comment)])]
    if isBridged { result.append((Self.hardware, port.macs.map { NFElement(key($0.bytes)) })) }
    for family in IPFamily.allCases {
      let own = port.addresses.filter { $0.family == family }
      if own.isEmpty { continue }
      result.append((Self.sources(family), own.map { NFElement(key($0.bytes)) }))
      if isBridged {
        let senders = port.macs.flatMap { mac in own.map { (mac, $0) } }
        result.append(
          (
            Self.senders(family),
            senders.map {
              NFElement(key(NFKey([(.etherAddress, .hardwareAddress($0)), (.address(family), .address($1))]).bytes))
            }
          ))
      }
    }
    return result
  }
}
