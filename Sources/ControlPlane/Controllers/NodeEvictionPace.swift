/// Which nodes that are not ready may be emptied now. Many nodes that fall silent at once are rather a cut network than
/// many dead nodes, so the more of a zone are silent, the slower; and where no node is ready at all, nobody is driven
/// anywhere. Pure: told the time, in seconds of any clock.
struct NodeEvictionPace {
  /// Of a zone, by its nodes (kube-controller-manager's zone states).
  enum Disruption: Equatable {
    case normal
    case partial
    /// No node of it is ready.
    case full
  }

  enum Admission: Equatable {
    case evict
    /// Seconds after which to ask again.
    case wait(Double)
    /// Not while things are as they are.
    case never
  }

  /// What a change of a node changed for others.
  struct Change: Equatable {
    /// Other nodes may be treated differently now.
    var concernsOthers = false
    /// Some node is ready again after none was: what silence was counted before says nothing.
    var endsBlackout = false
  }

  private struct Member {
    var zone: String
    var isReady: Bool
  }

  /// A bucket of one token.
  private struct Zone {
    var ready = 0
    var silent = 0
    var tokens = 1.0
    var filledAt = 0.0
  }

  private let rates: NodeEvictionRates
  private var members: [String: Member] = [:]
  private var zones: [String: Zone] = [:]
  /// Nodes that have had their token and are not ready yet: what was begun is not begun again.
  private var admitted: Set<String> = []

  init(_ rates: NodeEvictionRates = NodeEvictionRates()) { self.rates = rates }

  /// No node of any zone is ready.
  var isBlackout: Bool { !zones.isEmpty && zones.values.allSatisfy { disruption($0) == .full } }

  func disruption(ofZone zone: String) -> Disruption { zones[zone].map(disruption) ?? .normal }

  private func disruption(_ zone: Zone) -> Disruption {
    if zone.ready == 0, zone.silent > 0 { return .full }
    let share = Double(zone.silent) / Double(max(1, zone.silent + zone.ready))
    return zone.silent > 2 && share >= rates.unhealthyZoneThreshold ? .partial : .normal
  }

  private func rate(_ zone: Zone) -> Double {
    switch disruption(zone) {
    // All of one zone, while others live: that zone is dead.
    case .normal, .full: rates.rate
    case .partial: zone.ready + zone.silent > rates.largeClusterSize ? rates.secondaryRate : 0
    }
  }

  /// Notes a node, or with nil for its zone that it is gone.
  mutating func set(_ node: String, zone: String?, isReady: Bool, now: Double) -> Change {
    let old = members[node]
    let new = zone.map { Member(zone: $0, isReady: isReady) }
    guard old?.zone != new?.zone || old?.isReady != new?.isReady else { return Change() }
    let wasBlackout = isBlackout
    let before = zones.mapValues(disruption)
    // What has come in at the old rate is kept.
    for key in Set([old?.zone, new?.zone].compactMap(\.self)) { fill(key, now) }
    if let old { count(old, -1) }
    if let new { count(new, 1) }
    members[node] = new
    if new?.isReady ?? true { admitted.remove(node) }
    return Change(
      concernsOthers: before != zones.mapValues(disruption), endsBlackout: wasBlackout && !isBlackout)
  }

  private mutating func count(_ member: Member, _ number: Int) {
    var zone = zones[member.zone] ?? Zone()
    if member.isReady { zone.ready += number } else { zone.silent += number }
    zones[member.zone] = zone.ready + zone.silent == 0 ? nil : zone
  }

  private mutating func fill(_ key: String, _ now: Double) {
    guard var zone = zones[key] else {
      zones[key] = Zone(filledAt: now)
      return
    }
    zone.tokens = min(1, zone.tokens + max(0, now - zone.filledAt) * rate(zone))
    zone.filledAt = now
    zones[key] = zone
  }

  /// May pods be driven from a node that is not ready? `isBegun`: its taint says so already.
  mutating func admit(_ node: String, isBegun: Bool, now: Double) -> Admission {
    guard let member = members[node], !member.isReady, !isBlackout else { return .never }
    if isBegun || admitted.contains(node) {
      admitted.insert(node)
      return .evict
    }
    fill(member.zone, now)
    guard var zone = zones[member.zone], rate(zone) > 0 else { return .never }
    // Sums of many small parts may miss the whole by a hair.
    if zone.tokens > 1 - 1e-9 {
      zone.tokens = 0
      zones[member.zone] = zone
      admitted.insert(node)
      return .evict
    }
    return .wait((1 - zone.tokens) / rate(zone))
  }
}
