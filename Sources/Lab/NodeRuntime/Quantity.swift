internal import JSON

/// A resource quantity of Kubernetes (`500m`, `1Gi`, `1e3`), as far as the downward API needs it.
struct Quantity: Equatable {
  let value: Double

  init?(_ json: JSON) {
    guard let text = json.string ?? json.int.map(String.init) else { return nil }
    self.init(text)
  }

  init?(_ text: String) {
    let end = text.lastIndex { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let end else { return nil }
    let suffix = text[text.index(after: end)...]
    guard let number = Double(text[...end]), number.isFinite else { return nil }
    let factors: [Substring: Double] = [
      "": 1, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
      "Ki": 1024, "Mi": 1_048_576, "Gi": 1_073_741_824, "Ti": 1_099_511_627_776, "Pi": 1_125_899_906_842_624,
      "Ei": 1_152_921_504_606_846_976,
    ]
    guard let factor = factors[suffix] else { return nil }
    value = number * factor
  }

  /// As `resourceFieldRef` gives it: divided, rounded up to a whole number.
  func divided(by divisor: Quantity) -> Int64 {
    guard divisor.value > 0 else { return 0 }
    // Products such as 0.1 × 1000 may lie a hair above a whole number.
    return Int64(exactly: (value / divisor.value - 1e-6).rounded(.up)) ?? (value < 0 ? .min : .max)
  }
}
