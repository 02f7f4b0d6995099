package import Addressing
internal import JSON
internal import Synchronization

/// Gives Services their virtual addresses.
///
/// A random start in the upper band, then upwards; the lower band (KEP-3070: an sixteenth, 16 to 256 addresses) is left to
/// those who ask for an address of their own, until nothing else is free.
package final class ClusterIPAllocator: Admission {
  /// One range a family; the first is the one of single-stack Services.
  package let ranges: [Prefix]
  private let state: Mutex<State>

  private struct State {
    var pools: [AddressPool]
    /// How many Services hold an address: users may store two that claim one before a range was configured.
    var holders: [IPAddress: Int] = [:]
  }

  package init(ranges: [Prefix]) {
    self.ranges = ranges
    state = Mutex(State(pools: ranges.compactMap { Self.pool($0) }))
  }

  /// Without the network address and the IPv4 broadcast address.
  private static func pool(_ range: Prefix) -> AddressPool? {
    var pool = AddressPool(range)
    pool?.take(0)
    if range.family == .v4, let last = pool?.index(of: range.last) { pool?.take(last) }
    return pool
  }

  /// How many addresses at the beginning are only given out on request.
  static func staticBand(_ size: Int) -> Int { size <= 16 ? 0 : min(max(16, size / 16), 256) }

  package func committed(_ event: StoreEvent) {
    guard event.object.key.resource == "services" else { return }
    let before = event.old.map { Self.addresses($0.value) } ?? []
    let after = event.kind == .deleted ? [] : Self.addresses(event.object.value)
    guard before != after else { return }
    state.withLock { state in
      for address in after { state.holders[address, default: 0] += 1 }
      for address in before { state.holders[address, default: 0] -= 1 }
      for address in before + after {
        let isHeld = (state.holders[address] ?? 0) > 0
        if !isHeld { state.holders[address] = nil }
        for index in state.pools.indices {
          guard let item = state.pools[index].index(of: address) else { continue }
          if isHeld { state.pools[index].take(item) } else { state.pools[index].release(item) }
        }
      }
    }
  }

  private static func addresses(_ service: JSON) -> [IPAddress] {
    service["spec", "clusterIPs"].elements.compactMap { $0.string.flatMap { IPAddress($0) } }
  }

  package func admit(_ review: inout AdmissionReview) throws {
    guard review.kind.qualifiedName == "services" else { return }
    var spec = review.object["spec"]
    if spec["type"].string == "ExternalName" {
      for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] { spec[field] = .null }
      review.object["spec"] = spec
      return
    }
    let oldSpec = review.old.map { $0["spec"] }.flatMap { $0["type"].string == "ExternalName" ? nil : $0 }
    let wanted: ServiceFamilies
    do { wanted = try ServiceFamilies(spec, old: oldSpec, configured: ranges.map(\.family)) } catch {
      throw StatusError.invalid(review.kind, review.object["metadata", "name"].string ?? "", error.faults)
    }
    if spec["clusterIP"].string == "None" || spec["clusterIPs"].elements.first?.string == "None" {
      spec["clusterIP"] = "None"
      spec["clusterIPs"] = ["None"]
    } else {
      let old = review.old.map { Self.addresses($0) } ?? []
      let addresses = try state.withLock { state in
        try wanted.families.indices.map { index in
          guard wanted.requested.indices.contains(index) else {
            return try Self.free(wanted.families[index], review, &state)
          }
          let asked = wanted.requested[index]
          return old.contains(asked) ? asked : try Self.request(asked, at: index, review, &state)
        }
      }
      spec["clusterIP"] = .string("\(addresses[0])")
      spec["clusterIPs"] = .array(addresses.map { .string("\($0)") })
    }
    spec["ipFamilies"] = .array(wanted.families.map { .string($0.name) })
    spec["ipFamilyPolicy"] = .string(wanted.policy)
    review.object["spec"] = spec
  }

  private static func request(
    _ address: IPAddress, at index: Int, _ review: AdmissionReview, _ state: inout State
  ) throws -> IPAddress {
    let text: JSON = .string("\(address)")
    let field = "spec.clusterIPs"
    func invalid(_ reason: String) -> StatusError {
      let fault = FieldFault.invalid(field, .array([text]), "failed to allocate IP \(address): \(reason)")
      return .invalid(review.kind, review.object["metadata", "name"].string ?? "", [fault])
    }
    guard let pool = state.pools.first(where: { $0.index(of: address) != nil }), let item = pool.index(of: address),
      pool.item(at: item).address != pool.prefix.first,
      pool.prefix.family == .v6 || address != pool.prefix.last
    else {
      let ranges = state.pools.map { "\($0.prefix)" }.joined(separator: ", ")
      throw invalid("the provided IP (\(address)) is not in the valid range. The range of valid IPs is \(ranges)")
    }
    if pool.isTaken(item) { throw invalid("provided IP is already allocated") }
    return address
  }

  private static func free(_ family: IPFamily, _ review: AdmissionReview, _ state: inout State) throws -> IPAddress {
    for pool in state.pools where pool.prefix.family == family {
      let band = staticBand(pool.capacity)
      let upper = band..<pool.capacity
      let found =
        pool.firstFree(in: upper, startingAt: upper.randomElement()) ?? pool.firstFree(in: 0..<band)
      if let found { return pool.item(at: found).address }
    }
    throw StatusError.internalError("failed to allocate a serviceIP: range is full")
  }
}
