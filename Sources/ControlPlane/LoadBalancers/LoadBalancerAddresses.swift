internal import Addressing

/// Who has which addresses of the pools. Pure; finding an address walks over no Service.
struct LoadBalancerAddresses {
  /// Why a Service has no address, for its condition.
  struct Refusal: Error, Equatable {
    enum Reason: String { case invalidRequest, noPool, notInPool, inUse, exhausted }
    let reason: Reason
    let message: String
  }

  private(set) var pools: [String: LoadBalancerPool] = [:]
  /// What each Service asked for when it got its addresses, and these.
  private(set) var holdings: [NamespacedKey: (request: LoadBalancerRequest, addresses: [IPAddress])] = [:]
  private var users: [IPAddress: Set<NamespacedKey>] = [:]
  private var taken: [IPFamily: NumberSet] = [.v4: NumberSet(), .v6: NumberSet()]
  /// Addresses in use by namespace and sharing key.
  private var shared: [NamespacedKey: Set<IPAddress>] = [:]
  /// Addresses in use of each pool.
  private var used: [String: Int] = [:]

  func users(of address: IPAddress) -> Set<NamespacedKey> { users[address] ?? [] }
  func used(of pool: String) -> Int { used[pool] ?? 0 }

  /// Adds, replaces or, with nil, removes a pool. Services keep what they have until they are looked at.
  mutating func set(_ name: String, _ pool: LoadBalancerPool?) {
    pools[name] = pool
    used[name] = pool.map { pool in users.keys.count { pool.contains($0) } }
  }

  /// Notes what a Service has, as it was found; false if another has one of the addresses and does not share it.
  @discardableResult
  mutating func adopt(_ request: LoadBalancerRequest, _ addresses: [IPAddress]) -> Bool {
    release(request.key)
    guard addresses.allSatisfy({ isFree($0, for: request) }) else { return false }
    take(addresses, for: request)
    return true
  }

  /// The addresses for a Service: those it has as long as it may keep them, those it asks for, or free ones. On refusal it
  /// has none.
  mutating func allocate(_ request: LoadBalancerRequest) throws(Refusal) -> [IPAddress] {
    let before = holdings[request.key]?.addresses ?? []
    release(request.key)
    if let fault = request.fault { throw Refusal(reason: .invalidRequest, message: fault) }
    let candidates = pools.keys.sorted().compactMap { pools[$0] }.filter { pool in
      pool.admits(request) && (request.pool.map { $0 == pool.name } ?? true)
    }
    guard !candidates.isEmpty else {
      let wanted = request.pool.map { "LoadBalancerPool \($0) is not there or does not" } ?? "no LoadBalancerPool does"
      throw Refusal(reason: .noPool, message: "\(wanted) serve this Service by its selectors")
    }
    var chosen: [IPAddress] = []
    var refusal: Refusal?
    for family in request.families {
      do {
        chosen.append(try choose(family, request, before.first { $0.family == family }, candidates))
      } catch {
        // What is asked for by address is wanted; a second family without one may be done without.
        if request.needsAllFamilies || request.requested.contains(where: { $0.family == family }) { throw error }
        refusal = refusal ?? error
      }
    }
    if let refusal, chosen.isEmpty { throw refusal }
    take(chosen, for: request)
    return chosen
  }

  /// The Service has no address any more. Returns what it had.
  @discardableResult
  mutating func release(_ key: NamespacedKey) -> [IPAddress] {
    guard let holding = holdings.removeValue(forKey: key) else { return [] }
    for address in holding.addresses {
      users[address]?.remove(key)
      let isStillShared = (users[address] ?? []).contains {
        holdings[$0]?.request.sharingKey == holding.request.sharingKey
      }
      if let group = Self.group(holding.request), !isStillShared { remove(address, from: group) }
      guard users[address]?.isEmpty == true else { continue }
      users[address] = nil
      taken[address.family]?.remove(address.number)
      count(address, -1)
    }
    return holding.addresses
  }

  private mutating func remove(_ address: IPAddress, from group: NamespacedKey) {
    shared[group]?.remove(address)
    if shared[group]?.isEmpty == true { shared[group] = nil }
  }

  private mutating func take(_ addresses: [IPAddress], for request: LoadBalancerRequest) {
    holdings[request.key] = (request, addresses)
    for address in addresses {
      if users[address] == nil { count(address, 1) }
      users[address, default: []].insert(request.key)
      taken[address.family]?.insert(address.number)
      if let group = Self.group(request) { shared[group, default: []].insert(address) }
    }
  }

  private mutating func count(_ address: IPAddress, _ change: Int) {
    for (name, pool) in pools where pool.contains(address) { used[name, default: 0] += change }
  }

  private static func group(_ request: LoadBalancerRequest) -> NamespacedKey? {
    request.sharingKey.map { NamespacedKey(request.key.namespace, $0) }
  }

  /// Whether nobody has it, or only those who share it with this Service.
  private func isFree(_ address: IPAddress, for request: LoadBalancerRequest) -> Bool {
    (users[address] ?? []).allSatisfy { key in holdings[key].map { request.canShare(with: $0.request) } ?? true }
  }

  private func choose(
    _ family: IPFamily, _ request: LoadBalancerRequest, _ current: IPAddress?, _ candidates: [LoadBalancerPool]
  ) throws(Refusal) -> IPAddress {
    if let asked = request.requested.first(where: { $0.family == family }) {
      guard candidates.contains(where: { $0.contains(asked) }) else {
        throw Refusal(reason: .notInPool, message: "\(asked) is in no LoadBalancerPool that serves this Service")
      }
      guard isFree(asked, for: request) else {
        let names = users(of: asked).map(\.description).sorted().joined(separator: ", ")
        throw Refusal(
          reason: .inUse,
          message: "\(asked) belongs to Service \(names). To share it, both need the same "
            + "\(LoadBalancerRequest.sharingAnnotation), one namespace, different ports, and one external traffic policy"
        )
      }
      return asked
    }
    if let current, isFree(current, for: request), candidates.contains(where: { $0.contains(current) }) {
      return current
    }
    let automatic = candidates.filter { $0.isAutomatic || request.pool == $0.name }
    // Who shares wants to share: an address of the group before a new one.
    let group = Self.group(request).flatMap { shared[$0] } ?? []
    for address in group.filter({ $0.family == family }).sorted()
    where isFree(address, for: request) && automatic.contains(where: { $0.contains(address) }) {
      return address
    }
    let taken = taken[family] ?? NumberSet()
    for pool in automatic {
      for range in pool.ranges where range.family == family {
        if let number = taken.firstFree(in: range.first.number...range.last.number) {
          return IPAddress(family, number: number)
        }
      }
    }
    let ofFamily = automatic.filter { $0.ranges.contains { $0.family == family } }.map(\.name)
    guard !ofFamily.isEmpty else {
      throw Refusal(reason: .noPool, message: "no LoadBalancerPool with \(family.name) addresses serves this Service")
    }
    throw Refusal(
      reason: .exhausted,
      message: "every \(family.name) address of LoadBalancerPool \(ofFamily.joined(separator: ", ")) is in use")
  }
}
