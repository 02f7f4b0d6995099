internal import Addressing

/// One prefix of a ServiceCIDR and its two bands (KEP-3070): the lower one is given out last, so that those who ask for an
/// address of their own find it free. Pure.
struct ServiceRange: Hashable, Sendable {
  let prefix: Prefix

  init(_ prefix: Prefix) { self.prefix = prefix }

  /// Every address a Service may have, as numbers: without the network's own and the IPv4 broadcast address. Nil where
  /// nothing is left, and for IPv6 prefixes shorter than /64, which Kubernetes does not serve either.
  var usable: ClosedRange<UInt128>? {
    guard prefix.family == .v4 || prefix.length >= 64 else { return nil }
    let first = prefix.first.number + 1
    let last = prefix.last.number - (prefix.family == .v4 ? 1 : 0)
    return prefix.length < prefix.family.bits && first <= last ? first...last : nil
  }

  /// How many addresses the lower band has: a sixteenth, 16 to 256; none in a range of 16 or fewer.
  var staticBand: UInt128 { prefix.count <= 16 ? 0 : min(max(16, prefix.count / 16), 256) }

  /// The band from which addresses are taken by themselves.
  var dynamicBand: ClosedRange<UInt128>? {
    guard let usable, usable.lowerBound + staticBand <= usable.upperBound else { return nil }
    return (usable.lowerBound + staticBand)...usable.upperBound
  }

  /// Whether a Service may have an address of this range.
  func serves(_ address: IPAddress) -> Bool {
    prefix.contains(address) && usable?.contains(address.number) ?? false
  }

  /// A free address: from a random place of the upper band upwards, then of the lower.
  func free(_ taken: NumberSet) -> IPAddress? {
    guard let usable else { return nil }
    if let dynamicBand, let found = taken.anyFree(in: dynamicBand) { return IPAddress(prefix.family, number: found) }
    return taken.firstFree(in: usable).map { IPAddress(prefix.family, number: $0) }
  }
}
