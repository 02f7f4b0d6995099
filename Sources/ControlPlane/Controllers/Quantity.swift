package import JSON

/// Amounts of resources (apimachinery `resource.Quantity`), in thousandths, rounded up. Pure.
package enum Quantity {
  private static let factors: [String: Double] = [
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Ki": 1024,
    "Mi": 1_048_576, "Gi": 1_073_741_824, "Ti": 1_099_511_627_776, "Pi": 1_125_899_906_842_624,
    "Ei": 1_152_921_504_606_846_976,
  ]

  /// The largest amount that is taken, in whole units: a thousand times as many thousandths fit beside each other.
  private static let limit: UInt = 1_000_000_000_000_000

  /// nil for what is no quantity, and beyond 10¹⁵.
  package static func thousandths(_ json: JSON) -> Int? {
    if let number = json.int { return number.magnitude < limit ? number * 1000 : nil }
    guard let text = json.string else { return nil }
    let digits = text.prefix { $0.isNumber || $0 == "." || $0 == "+" || $0 == "-" }
    let suffix = String(text.dropFirst(digits.count))
    let value: Double?
    if let factor = factors[suffix] { value = Double(digits).map { $0 * factor } } else { value = Double(text) }
    guard let value, value.isFinite, value.magnitude < Double(limit) else { return nil }
    return Int((value * 1000).rounded(.up))
  }

  /// What a pod asks of a node: the larger of the sum of its containers and the largest init container, plus overhead.
  package static func requests(_ spec: JSON) -> [String: Int] {
    var sum: [String: Int] = [:]
    for container in spec["containers"].elements { add(container["resources", "requests"], to: &sum) }
    var largest: [String: Int] = [:]
    for container in spec["initContainers"].elements {
      var requests: [String: Int] = [:]
      add(container["resources", "requests"], to: &requests)
      if container["restartPolicy"].string == "Always" {
        sum.merge(requests, uniquingKeysWith: added)
      } else {
        largest.merge(requests, uniquingKeysWith: max)
      }
    }
    sum.merge(largest, uniquingKeysWith: max)
    add(spec["overhead"], to: &sum)
    return sum
  }

  /// The sum, or the largest number there is.
  static func added(_ left: Int, _ right: Int) -> Int {
    let (sum, overflowed) = left.addingReportingOverflow(right)
    return overflowed ? (right < 0 ? .min : .max) : sum
  }

  private static func add(_ amounts: JSON, to sum: inout [String: Int]) {
    for (name, amount) in amounts.members { sum[name] = added(sum[name] ?? 0, thousandths(amount) ?? 0) }
  }
}
