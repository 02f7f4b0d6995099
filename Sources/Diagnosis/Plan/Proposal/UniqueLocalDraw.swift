internal import Addressing

/// Draws unique local prefixes (RFC 4193): 40 bits after fd. The RFC wants them random; these are drawn from the request,
/// so that the same request gives the same plan, and another network another one.
struct UniqueLocalDraw {
  private let seed: UInt64

  init(_ request: PlanRequest) {
    // FNV-1a, 64 bits, over everything that was given.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    let given = (request.planned + request.taken).filter { $0.source != RangeProposal.source }
    for range in given {
      for byte in "\(range.role.rawValue) \(range.prefix);".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    seed = hash
  }

  /// The /48 with a salt; its first global ID bits are never zero.
  func site(_ salt: UInt64) -> Prefix {
    var mixed = seed &+ salt &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    mixed ^= mixed >> 31
    let globalID = UInt128(mixed & 0x7F_FFFF_FFFF | 0x80_0000_0000)
    return Prefix(.v6(IPv6Address(rawValue: UInt128(0xFD) << 120 | globalID << 80)), length: 48)
  }

  /// Where a role's range may be: nodes first in the site, Services next, pods in its upper half.
  func blocks(_ role: PlannedRange.Role, _ length: Int) -> [(prefix: Prefix, reason: String)] {
    (0..<16).map { salt in
      let site = site(UInt64(salt))
      let subnet: UInt128 =
        switch role {
        case .node, .reserved: 0
        case .service: 1
        case .pod: 0x8000
        }
      let address = IPAddress(.v6, number: site.address.number | (length > 48 ? subnet << 64 : 0))
      return (Prefix(address, length: length), "of \(site), a unique local prefix (RFC 4193) drawn from this request")
    }
  }
}
