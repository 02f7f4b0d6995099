internal import Addressing

extension PlanReview {
  /// What the ranges are, before any cluster: registries, clouds' own addresses, habits.
  mutating func checkSpace() {
    for range in request.planned {
      var isSpecial = false
      for special in AddressSpace.special where special.prefix.overlaps(range.prefix) {
        isSpecial = true
        report(
          special.severity, .space, range.description,
          found: "overlaps \(special.prefix), which is \(special.meaning)",
          meaning: special.severity == .error
            ? "kernels and routers treat these addresses apart" : "somebody will mean the real thing",
          expected: "private space (RFC 1918, RFC 4193)", remedy: choice(insteadOf: range), source: special.source)
      }
      for entry in AddressSpace.metadata where range.prefix.contains(entry.address) {
        report(
          .error, .metadata, range.description, found: "contains \(entry.address), \(entry.owner)",
          meaning: "in that cloud nodes and pods need to reach it", expected: "a range without it",
          remedy: choice(insteadOf: range), source: "the clouds' documentation")
      }
      if !isSpecial { checkPrivate(range) }
      checkCrowded(range)
    }
    checkCilium()
    checkUniqueLocal()
  }

  private mutating func checkPrivate(_ range: PlannedRange) {
    switch AddressSpace.privateBlock(of: range.prefix) {
    case AddressSpace.shared:
      report(
        .warning, .space, range.description, found: "lies within \(AddressSpace.shared), shared address space",
        meaning: "carriers give these addresses to their customers and Tailscale to its machines, who then collide",
        expected: "RFC 1918 space", remedy: "use it only where neither is in play", source: "RFC 6598")
    case nil where range.role == .node:
      break  // nodes may have public addresses of their own
    case nil where range.family == .v6:
      report(
        .note, .space, range.description, found: "is global unicast space",
        meaning: "right if it was assigned to you, and then a firewall is what keeps the world out",
        expected: "an assigned prefix or unique local addresses",
        remedy: "check the assignment, or use a prefix of fd00::/8", source: "RFC 4193, RFC 4291")
    case nil:
      report(
        .warning, .space, range.description, found: "is public address space or reaches into it",
        meaning: "the hosts that own these addresses cannot be reached from the cluster",
        expected: "private space (RFC 1918)", remedy: choice(insteadOf: range), source: "RFC 1918")
    default: break
    }
  }

  private mutating func checkCrowded(_ range: PlannedRange) {
    for entry in AddressSpace.crowded where entry.prefix.overlaps(range.prefix) {
      // Whoever plans for a whole block knows that everything is in it.
      guard range.prefix.length >= 12 else { continue }
      report(
        .note, .crowded, range.description, found: "includes \(entry.prefix), usual for \(entry.users)",
        meaning: "whoever comes in by VPN from such a network reaches it instead of the cluster",
        expected: "a range few others use", remedy: "prefer another if people come in by VPN",
        source: "vendors' defaults")
    }
    let pools = AddressSpace.dockerPools.filter { $0.overlaps(range.prefix) }
    let isKnown = request.taken.contains { $0.network == .dockerPool }
    if let pool = pools.first, !isKnown {
      report(
        .note, .crowded, range.description, found: "overlaps \(pool), of Docker's default pools",
        meaning: "Docker on a node or a developer's machine may give these addresses to its next network",
        expected: "a range outside of them", remedy: "no matter without Docker; else set its default-address-pools",
        source: "moby, libnetwork/ipamutils")
    }
  }

  private mutating func checkCilium() {
    let cilium = AddressSpace.ciliumDefault
    let ranges = request.planned.filter { $0.role != .pod && $0.family == .v4 && cilium.overlaps($0.prefix) }
    guard !ranges.isEmpty else { return }
    report(
      .note, .crowded, Self.list(ranges),
      found: "lie\(ranges.count == 1 ? "s" : "") in \(cilium), Cilium's default pod range",
      meaning: "installed with its defaults Cilium gives pods these addresses too",
      expected: "Cilium told the pod range",
      remedy: "with Cilium set ipam.operator.clusterPoolIPv4PodCIDRList to the pod range",
      source: "cilium/cilium#31504")
  }

  private mutating func checkUniqueLocal() {
    let guessable = request.planned.filter {
      AddressSpace.uniqueLocal.contains($0.prefix) && $0.prefix.address.number >> 104 & 0xFFFF == 0
    }
    guard !guessable.isEmpty else { return }
    report(
      .note, .space, "the IPv6 ranges \(Self.list(guessable))", found: "have a global ID that begins with zeros",
      meaning: "so do everybody's examples, and joining two such networks is a collision",
      expected: "40 random bits after fd", remedy: "draw a random global ID for a network that is to stay",
      source: "RFC 4193 section 3.2")
  }
}
