internal import Addressing

/// Finds ranges that are free, always the same for the same request.
struct RangeFinder {
  private let request: PlanRequest
  /// What must not be touched, and what better is not.
  private let occupied: [PlannedRange]
  private let avoided: [Prefix]
  /// Where the cluster's own ranges may grow to.
  private let neighbourhoods: [Prefix]

  /// A range that was found, and why it is a good one.
  struct Found: Hashable {
    let prefix: Prefix
    let reasons: [String]
  }

  init(_ request: PlanRequest) {
    self.request = request
    occupied = request.planned + request.taken.filter { $0.network != .dockerPool }
    avoided =
      request.taken.filter { $0.network == .dockerPool }.map(\.prefix) + AddressSpace.dockerPools
      + AddressSpace.crowded.map(\.prefix)
    neighbourhoods = request.planned.filter { $0.family == .v4 && $0.prefix.length > 8 }.map {
      Prefix($0.prefix.address, length: $0.prefix.length - 1)
    }
  }

  /// How particular the search is: every step gives something up.
  private enum Pass: CaseIterable {
    case withGrowth, withoutGrowth, amongHabits
  }

  /// A free range of the first of these lengths for which there is one; nil if there is none.
  func find(_ role: PlannedRange.Role, _ family: IPFamily, lengths: [Int]) -> Found? {
    // Smaller in private space is better than larger in shared space.
    for isPrivate in family == .v4 ? [true, false] : [true] {
      for length in lengths where (0...family.bits).contains(length) {
        for pass in Pass.allCases {
          for block in blocks(role, family, length) where block.prefix.overlaps(AddressSpace.shared) != isPrivate {
            if let prefix = search(block.prefix, length, role, pass) {
              return Found(prefix: prefix, reasons: [block.reason] + Self.reasons(pass, family))
            }
          }
        }
      }
    }
    return nil
  }

  private static func reasons(_ pass: Pass, _ family: IPFamily) -> [String] {
    let clear = "clear of everything that was named"
    if family == .v6 { return [clear] }
    switch pass {
    case .withGrowth:
      return [clear, "outside of Docker's pools and of ranges usual at homes", "twice its size is free in place"]
    case .withoutGrowth: return [clear, "outside of Docker's pools and of ranges usual at homes"]
    case .amongHabits: return [clear, "nothing better was free"]
    }
  }

  /// Where to look, in order: the range people expect first, then all private space.
  private func blocks(
    _ role: PlannedRange.Role, _ family: IPFamily, _ length: Int
  ) -> [(prefix: Prefix, reason: String)] {
    var blocks: [(Prefix, String)] = []
    if role == .node {
      for vpc in request.taken where vpc.network == .vpc && vpc.family == family && vpc.prefix.length <= length {
        blocks.append((vpc.prefix, "a subnet of the VPC \(vpc.prefix)"))
      }
      if !blocks.isEmpty { return blocks }
    }
    guard family == .v4 else { return UniqueLocalDraw(request).blocks(role, length) }
    let usual: (String, String) =
      switch role {
      case .pod: ("10.244.0.0", "where kubeadm and flannel users expect pods")
      case .service: ("10.96.0.0", "where kubeadm puts Services")
      case .node, .reserved: ("10.16.0.0", "private space seldom used")
      }
    blocks.append((Prefix(IPAddress(usual.0)!, length: length), usual.1))
    for block in AddressSpace.private4 where block.length <= length {
      blocks.append((block, "the first free part of \(block)"))
    }
    if AddressSpace.shared.length <= length {
      blocks.append((AddressSpace.shared, "shared address space (RFC 6598), since no RFC 1918 space is free"))
    }
    return blocks
  }

  /// The first subnet of a block that is free; leaps over what is in the way.
  private func search(_ block: Prefix, _ length: Int, _ role: PlannedRange.Role, _ pass: Pass) -> Prefix? {
    guard block.length <= length else { return nil }
    let step = UInt128(1) << UInt128(block.family.bits - length)
    var number = block.address.number
    let end = block.last.number
    while number <= end {
      let candidate = Prefix(IPAddress(block.family, number: number), length: length)
      guard let obstacle = obstacle(candidate, role, pass) else {
        return isAllowed(candidate, role) ? candidate : nil
      }
      let beyond = max(obstacle.last.number, candidate.last.number)
      if beyond >= end { return nil }
      // The next multiple of the size after the obstacle.
      number = (beyond / step + 1) * step
    }
    return nil
  }

  private func obstacle(_ candidate: Prefix, _ role: PlannedRange.Role, _ pass: Pass) -> Prefix? {
    // IPv6 grows by a shorter prefix of the same global ID; there is no crowd to leave room for.
    let space =
      pass == .withGrowth && candidate.family == .v4 && candidate.length > 0
      ? Prefix(candidate.address, length: candidate.length - 1) : candidate
    let hard = occupied.first {
      $0.prefix.overlaps(space) && !(role == .node && $0.network == .vpc && $0.prefix.contains(candidate))
    }
    if let hard { return hard.prefix }
    if let entry = AddressSpace.metadata.first(where: { candidate.contains($0.address) }) {
      return Prefix(host: entry.address)
    }
    if let special = AddressSpace.special.first(where: { $0.prefix.overlaps(candidate) }) { return special.prefix }
    for limit in limits(role, candidate.family) {
      guard case .outside(let blocks) = limit.constraint else { continue }
      if let block = blocks.first(where: { $0.overlaps(candidate) }) { return block }
    }
    // Whoever needs a large block cannot be particular about what is in it.
    if pass == .amongHabits || candidate.family == .v6 { return nil }
    if let neighbour = neighbourhoods.first(where: { $0.overlaps(candidate) }) { return neighbour }
    return avoided.first { $0.overlaps(candidate) && candidate.length >= 12 }
  }

  /// Whether the range alone keeps the limits of the targets. What a node's part must be like is the request's affair.
  private func isAllowed(_ candidate: Prefix, _ role: PlannedRange.Role) -> Bool {
    !limits(role, candidate.family).contains { limit in
      switch limit.constraint {
      case .nodeMask, .nodeMaskOfPods, .isAssigned: false
      default: limit.problem(of: candidate, in: request) != nil
      }
    }
  }

  private func limits(_ role: PlannedRange.Role, _ family: IPFamily) -> [PlanLimit] {
    PlanLimit.limits(of: request.targets).filter {
      $0.severity == .error && $0.role == role && ($0.family ?? family) == family
    }
  }
}
