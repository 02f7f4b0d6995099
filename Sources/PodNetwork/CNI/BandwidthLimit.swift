internal import JSON

/// How fast one direction of a pod's link may be: half of the capability `bandwidth` (CNI conventions).
package struct BandwidthLimit: Hashable, Sendable {
  /// Bits a second.
  package var rate: UInt64
  /// Bits that may pass at once after a pause.
  package var burst: UInt64

  package init(rate: UInt64, burst: UInt64) {
    self.rate = rate
    self.burst = burst
  }

  /// The lowest rate that makes sense: the one Kubernetes takes for its annotations.
  static let lowestRate = 1000
  /// Runtimes that know no burst pass the largest number of 31 or 32 bits. Taken at its word, half a gigabyte would pass
  /// before anything is held back.
  static let unknownBurst: UInt64 = (1 << 31) - 2

  /// A limit from its two members; nil without a rate. Without a burst it is a tenth of a second's worth.
  static func read(_ json: JSON, rate: String, burst: String, _ field: String) throws(CNIError) -> BandwidthLimit? {
    func number(_ key: String, atLeast least: Int) throws(CNIError) -> UInt64 {
      if json[key].isNull || json[key] == 0 { return 0 }
      guard let value = json[key].int, value >= least else {
        throw invalid("\(field)\(key)", json[key], "a number of bits, at least \(least)")
      }
      return UInt64(value)
    }
    let rateBits = try number(rate, atLeast: lowestRate)
    let burstBits = try number(burst, atLeast: 1)
    if rateBits == 0 {
      if burstBits == 0 || burstBits >= unknownBurst { return nil }
      throw CNIError(.invalidConfiguration, "\(field)\(burst) is given without \(field)\(rate); give both or none")
    }
    let isUnknown = burstBits == 0 || burstBits >= unknownBurst
    return BandwidthLimit(rate: rateBits, burst: isUnknown ? rateBits / 10 : burstBits)
  }
}
