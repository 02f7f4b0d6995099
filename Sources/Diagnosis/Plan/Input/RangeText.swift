internal import Addressing

/// Ranges as people write them in flags and files.
enum RangeText {
  /// A range; bits beyond the prefix length are kept for the checks to tell.
  static func range(
    _ role: PlannedRange.Role, _ text: String, from source: String, network: PlannedRange.Network = .other
  ) throws(PlanInputError) -> PlannedRange {
    do {
      let (address, length) = try Prefix.parseInterface(text)
      return PlannedRange(role, Prefix(address, length: length), from: source, network: network, written: address)
    } catch {
      throw PlanInputError("\(source): \(error)")
    }
  }

  /// `4`, `6`, `46` or `64`, the primary family first.
  static func families(_ text: String, from source: String) throws(PlanInputError) -> [IPFamily] {
    switch text {
    case "4", "IPv4", "ipv4": return [.v4]
    case "6", "IPv6", "ipv6": return [.v6]
    case "46", "dual": return [.v4, .v6]
    case "64": return [.v6, .v4]
    default: throw PlanInputError("\(source): found \"\(text)\", expected 4, 6, 46 or 64 (the primary family first)")
    }
  }

  static func targets(_ names: [String], from source: String) throws(PlanInputError) -> [PlanTarget] {
    var targets: [PlanTarget] = []
    for name in names {
      guard let target = PlanTarget(rawValue: name) else {
        let known = PlanTarget.allCases.map(\.rawValue).joined(separator: ", ")
        throw PlanInputError("\(source): found \"\(name)\", expected one of \(known)")
      }
      if !targets.contains(target) { targets.append(target) }
    }
    return targets
  }

  /// Networks to stay clear of under one name; `docker` without ranges is Docker's default pools.
  static func networks(
    named name: String, _ texts: [String], from source: String
  ) throws(PlanInputError) -> [PlannedRange] {
    if texts.isEmpty || texts == ["default"] {
      guard name == "docker" else { throw PlanInputError("\(source): \(name) has no ranges, expected \(name)=PREFIX") }
      return AddressSpace.dockerPools.map {
        PlannedRange(.reserved, $0, from: "Docker's defaults", network: .dockerPool)
      }
    }
    let network = network(named: name)
    var ranges: [PlannedRange] = []
    for text in texts { ranges.append(try range(.reserved, text, from: "\(source) \(name)", network: network)) }
    return ranges
  }

  /// What kind a network is by its name: `vpn-berlin` is a VPN.
  static func network(named name: String) -> PlannedRange.Network {
    let name = name.lowercased()
    if name.hasPrefix("vnet") { return .vpc }
    return PlannedRange.Network.allCases.filter { $0 != .other && name.hasPrefix($0.rawValue) }
      .max { $0.rawValue.count < $1.rawValue.count } ?? .other
  }
}
