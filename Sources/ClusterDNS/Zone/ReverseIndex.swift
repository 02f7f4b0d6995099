internal import Addressing
internal import ClusterModel
internal import Synchronization

/// Who has an address, for reverse lookups.
final class ReverseIndex: Sendable {
  /// A Service (host -1) or one of its hosts.
  struct Claim: Sendable {
    var service: ServiceRecords
    var host: Int32

    /// Cluster addresses before endpoints, then by the Service's name.
    func precedes(_ other: Claim) -> Bool {
      let (own, others) = (host < 0, other.host < 0)
      return own != others ? own : service.id < other.service.id
    }
  }

  /// Most addresses have one claim: an array for each would cost more than the claims.
  private enum Entry {
    case one(Claim)
    case many([Claim])
  }

  private let claims = Mutex<[UInt128: Entry]>([:])

  /// IPv4 addresses in the form in which IPv6 maps them (RFC 4291 section 2.5.5.2): half the size of an `IPAddress`.
  private static func key(_ address: IPAddress) -> UInt128 {
    switch address {
    case .v4(let address): 0xFFFF_0000_0000 | UInt128(address.rawValue)
    case .v6(let address): address.rawValue
    }
  }

  /// The claim that is answered.
  func find(_ address: IPAddress) -> Claim? {
    claims.withLock { claims in
      switch claims[Self.key(address)] {
      case nil: nil
      case .one(let claim): claim
      case .many(let claims): claims.first
      }
    }
  }

  /// Replaces one Service's claims.
  func replace(_ old: ServiceRecords?, by new: ServiceRecords?) {
    // Piece by piece, so that a reader never waits for a Service with thousands of endpoints.
    var kept: Set<UInt128> = []
    new?.forEachPointer { address, host in
      guard let new else { return }
      let key = Self.key(address)
      // A Service whose endpoint has its own cluster address, or two hosts of one address: the first is answered.
      guard kept.insert(key).inserted else { return }
      claims.withLock { Self.insert(Claim(service: new, host: host), &$0, key) }
    }
    guard let old else { return }
    old.forEachPointer { address, _ in
      let key = Self.key(address)
      if !kept.contains(key) { claims.withLock { Self.remove(old.id, &$0, key) } }
    }
  }

  private static func insert(_ claim: Claim, _ claims: inout [UInt128: Entry], _ key: UInt128) {
    let others: [Claim]
    switch claims[key] {
    case nil: others = []
    case .one(let other): others = other.service.id == claim.service.id ? [] : [other]
    case .many(let known): others = known.filter { $0.service.id != claim.service.id }
    }
    if others.isEmpty {
      claims[key] = .one(claim)
    } else {
      claims[key] = .many((others + [claim]).sorted { $0.precedes($1) })
    }
  }

  private static func remove(_ id: NamespacedName, _ claims: inout [UInt128: Entry], _ key: UInt128) {
    switch claims[key] {
    case nil: break
    case .one(let claim): if claim.service.id == id { claims[key] = nil }
    case .many(let known):
      let left = known.filter { $0.service.id != id }
      claims[key] = left.count > 1 ? .many(left) : left.first.map { .one($0) }
    }
  }
}
