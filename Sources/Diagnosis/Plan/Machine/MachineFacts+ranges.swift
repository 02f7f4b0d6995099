internal import Addressing
internal import Netlink

extension MachineFacts {
  /// The ranges in use here, each with the words that say by what; sorted, without those that lie in others of their kind.
  package var ranges: [PlannedRange] {
    var found: [PlannedRange] = []
    let uses = Dictionary(
      links.map { ($0.index, (link: $0, use: LinkUse(name: $0.name, kind: $0.kind))) }, uniquingKeysWith: { $1 })
    func isOfInterest(_ prefix: Prefix) -> Bool {
      // A VPN that takes everything adds two halves; like the default route they say nothing of who has what.
      prefix.length > 1 && !prefix.address.isLoopback && !prefix.address.isLinkLocal && !prefix.address.isMulticast
    }

    for address in addresses {
      let prefix = Prefix(address.address, length: address.prefixLength)
      guard let (link, use) = uses[address.interface], link.name != "lo", isOfInterest(prefix) else { continue }
      found.append(Self.range(prefix, "\(use.owner)\(link.name), address \(address.address)", use.network))
      if link.name.hasPrefix("tailscale"), AddressSpace.shared.contains(prefix) {
        found.append(Self.range(AddressSpace.shared, "Tailscale, which gives addresses from all of it", .vpn))
      }
    }
    for route in routes where route.table != Route.localTable && isOfInterest(route.prefix) {
      switch route.kind {
      case .unicast:
        guard let index = route.interface, let (link, use) = uses[index], link.name != "lo" else { continue }
        let network = use.network == .link && route.hasGateway ? .route : use.network
        found.append(Self.range(route.prefix, "a route by \(use.owner)\(link.name)", network))
      case .blackhole, .unreachable, .prohibit:
        found.append(Self.range(route.prefix, "a \(route.kind) route", .route))
      default: break
      }
    }
    if let docker {
      found += docker.bridges.map { Self.range($0, "Docker's daemon.json", .docker) }
      let source = docker.arePoolsDefault ? "Docker's defaults" : "Docker's daemon.json"
      found += docker.pools.map { Self.range($0, source, .dockerPool) }
    }
    found += resolvers.map { Self.range(Prefix(host: $0), "/etc/resolv.conf", .resolver) }
    return Self.withoutContained(found)
  }

  private static func range(_ prefix: Prefix, _ source: String, _ network: PlannedRange.Network) -> PlannedRange {
    PlannedRange(.reserved, prefix, from: source, network: network)
  }

  /// Of each kind only the ranges that lie in no other; in the order of their addresses.
  private static func withoutContained(_ ranges: [PlannedRange]) -> [PlannedRange] {
    var kept: [PlannedRange] = []
    for network in PlannedRange.Network.allCases {
      // Sorted by address and length, whatever contains a range stands before it.
      var last: Prefix?
      for range in ranges.filter({ $0.network == network }).sorted(by: { $0.prefix < $1.prefix }) {
        if let last, last.contains(range.prefix) { continue }
        last = range.prefix
        kept.append(range)
      }
    }
    return kept.sorted { $0.prefix < $1.prefix }
  }
}
