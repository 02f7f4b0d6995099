internal import Addressing

/// Names made of addresses: `10-244-1-7` for an endpoint without a hostname, and the first label of pod names.
enum EndpointName {
  /// Dashes for dots and colons; a name cannot end with a dash, so `2001:db8::` gets a zero there (and one in front).
  static func label(_ address: IPAddress) -> String {
    var text = String(address.description.map { $0 == "." || $0 == ":" ? "-" : $0 })
    if text.hasPrefix("-") { text = "0" + text }
    if text.hasSuffix("-") { text += "0" }
    return text
  }

  /// The address in a pod's label: three dashes between numbers are IPv4, anything else IPv6; nil for other labels.
  static func address(label: UnsafeBufferPointer<UInt8>) -> IPAddress? {
    guard label.count <= 39 else { return nil }
    let dash = UInt8(ascii: "-")
    if label.allSatisfy({ $0 == dash || (0x30...0x39).contains($0) }), label.count(where: { $0 == dash }) == 3,
      let address = IPAddress(String(decoding: label.map { $0 == dash ? UInt8(ascii: ".") : $0 }, as: UTF8.self))
    {
      return address
    }
    return IPAddress(String(decoding: label.map { $0 == dash ? UInt8(ascii: ":") : $0 }, as: UTF8.self))
      .flatMap { $0.family == .v6 ? $0 : nil }
  }
}
