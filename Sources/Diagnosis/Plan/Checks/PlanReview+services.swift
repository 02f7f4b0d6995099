internal import Addressing

extension PlanReview {
  /// How many Services there can be, and which addresses are left to those who ask for one of their own.
  mutating func checkServiceRanges() {
    for range in request.services {
      let host = range.family.bits - range.prefix.length
      guard host >= 4 else { continue }  // a limit of every platform, told there
      let size = host < 62 ? 1 << host : Int.max
      let usable = size - (range.family == .v4 ? 2 : 1)
      let band = Self.staticBand(size)
      if let services = request.demand.services {
        // The API's own and cluster DNS.
        let needed = services + 2
        if needed > usable {
          report(
            .error, .serviceSize, range.description,
            found: "has \(usable) addresses, but \(services) Services, the API's and cluster DNS need \(needed)",
            meaning: "the last Services are refused: the range is full",
            expected: "/\(range.family.bits - ceilingOfLog2(needed + 2)) or shorter",
            remedy: "choose a shorter prefix length", source: "kube-apiserver, --service-cluster-ip-range")
        } else if needed > usable - band {
          report(
            .warning, .staticBand, range.description,
            found: "has \(usable - band) addresses beside the static band, but \(needed) are needed",
            meaning:
              "Services then take addresses of the band, and a manifest that names one is refused when it is late",
            expected: "/\(range.family.bits - ceilingOfLog2(needed + band + 2)) or shorter",
            remedy: "choose a shorter prefix length", source: "KEP-3070")
        }
      }
      if band > 0, let last = range.prefix.address(at: UInt128(band)) {
        report(
          .note, .staticBand, range.description, found: "keeps its first \(band) addresses, up to \(last), apart",
          meaning: "they are given only to Services that name an address, as long as others are free",
          expected: "fixed addresses, like cluster DNS's, taken from there",
          remedy: "name addresses of the band in manifests, and no others",
          source: "KEP-3070: min(max(16, size/16), 256)")
      }
      if range.family == .v6, (108..<112).contains(range.prefix.length) {
        report(
          .note, .serviceSize, range.description, found: "is larger than /112",
          meaning: "before 1.34 kube-apiserver gives out only the first 65536 addresses of it", expected: "/112",
          remedy: "choose /112; ServiceCIDR objects add more", source: "kubeadm, MaximumBitsForServiceSubnet")
      }
    }
  }

  /// How many addresses at the beginning are left to Services that name theirs.
  package static func staticBand(_ size: Int) -> Int { size <= 16 ? 0 : min(max(16, size / 16), 256) }
}
