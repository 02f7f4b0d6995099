/// The versions of the CNI specification that we speak. A configuration must name one of them exactly.
package enum CNIVersion: String, CaseIterable, Comparable, Sendable {
  case v0_3_1 = "0.3.1"
  case v0_4_0 = "0.4.0"
  case v1_0_0 = "1.0.0"
  case v1_1_0 = "1.1.0"

  package static let newest = v1_1_0

  package static func < (left: Self, right: Self) -> Bool {
    // Versions are listed oldest first, and none has a number of two digits.
    left.rawValue < right.rawValue
  }
}
