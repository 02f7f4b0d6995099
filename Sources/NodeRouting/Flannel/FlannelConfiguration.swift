package import Addressing
package import JSON

/// flannel's configuration of a cluster, `net-conf.json`, as far as it can be honoured here.
package struct FlannelConfiguration: Hashable, Sendable {
  /// A field that makes the configuration unusable.
  package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// Of all pods: `Network`, `IPv6Network`.
  package var networks: [Prefix] = []
  package var mode: RoutingMode
  /// `Backend.VNI` and `Backend.Port`.
  package var vxlanID: UInt32 = 1
  package var vxlanPort: UInt16 = 8472
  /// `Backend.MTU`: what the nodes' network takes, before any tunnel.
  package var underlayMTU: Int?
  /// Fields that are not honoured, with what happens instead.
  package var notices: [String] = []

  package init(_ json: JSON) throws(Failure) {
    guard json.object != nil else { throw Failure(description: "expected a JSON object with Network and Backend") }
    let backend = json["Backend"]
    mode = try Self.mode(backend)
    try readNetworks(json)
    if let id = try Self.number(backend, "VNI", 0..<1 << 24) { vxlanID = UInt32(id) }
    if let port = try Self.number(backend, "Port", 0..<65536), port != 0 { vxlanPort = UInt16(port) }
    if let mtu = try Self.number(backend, "MTU", 0..<65536), mtu != 0 {
      guard mtu >= 576 else { throw Failure(description: "Backend.MTU: found \(mtu), expected 576 to 65535") }
      underlayMTU = mtu
    }
    readNotices(json, backend)
  }

  /// flannel's own default, for a Backend without Type, is its old user-space tunnel, which nothing here speaks.
  private static func mode(_ backend: JSON) throws(Failure) -> RoutingMode {
    let isDirect = backend["DirectRouting"].bool == true
    switch backend["Type"].string {
    case "vxlan": return isDirect ? .crossSubnet : .vxlan
    case "host-gw": return .hostGateway
    case "ipip": return isDirect ? .ipipCrossSubnet : .ipip
    case "wireguard": return .wireguard
    case let found:
      throw Failure(
        description: "Backend.Type: found \(found ?? "none, which flannel takes for udp"), "
          + "expected vxlan, host-gw, ipip or wireguard")
    }
  }

  private mutating func readNetworks(_ json: JSON) throws(Failure) {
    for (key, switchKey, family) in [("Network", "EnableIPv4", IPFamily.v4), ("IPv6Network", "EnableIPv6", .v6)] {
      let isOn = json[switchKey].bool ?? (family == .v4)
      guard isOn else { continue }
      guard let text = json[key].string else {
        if family == .v6 || json["EnableIPv6"].bool != true {
          throw Failure(description: "\(key): missing, expected the range of all \(family.name) pods")
        }
        continue
      }
      let network: Prefix
      do { network = try Prefix(parsing: text) } catch { throw Failure(description: "\(key): \(error)") }
      guard network.family == family else {
        throw Failure(description: "\(key): found \(text), expected an \(family.name) prefix")
      }
      networks.append(network)
    }
  }

  private static func number(_ json: JSON, _ key: String, _ range: Range<Int>) throws(Failure) -> Int? {
    if json[key].isNull { return nil }
    guard let number = json[key].int, range.contains(number) else {
      throw Failure(
        description: "Backend.\(key): found \(json[key]), expected \(range.lowerBound) to \(range.upperBound - 1)")
    }
    return number
  }

  private mutating func readNotices(_ json: JSON, _ backend: JSON) {
    for key in ["SubnetLen", "SubnetMin", "SubnetMax", "IPv6SubnetLen", "IPv6SubnetMin", "IPv6SubnetMax"]
    where !json[key].isNull {
      notices.append("\(key) is not used: a node's pod ranges are its spec.podCIDRs")
    }
    if json["EnableNFTables"].bool == false {
      notices.append("EnableNFTables is not used: masquerading is by nftables")
    }
    if backend["GBP"].bool == true {
      notices.append("Backend.GBP is not used: group policies are not carried in VXLAN")
    }
    if backend["Learning"].bool == true {
      notices.append("Backend.Learning is not used: tunnel ends are entered from the Node objects, never learned")
    }
    if mode == .wireguard {
      for key in ["PSK", "ListenPort", "ListenPortV6", "PersistentKeepaliveInterval", "Mode"] where !backend[key].isNull
      {
        notices.append("Backend.\(key) is not taken from this file")
      }
    }
  }
}
