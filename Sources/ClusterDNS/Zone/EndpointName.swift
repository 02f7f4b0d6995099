internal import Addressing
internal import Glibc

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
  /// Allocates nothing.
  static func address(label: UnsafeBufferPointer<UInt8>) -> IPAddress? {
    guard label.count <= 39 else { return nil }
    let dash = UInt8(ascii: "-")
    var dashes = 0
    var isDecimal = true
    for byte in label {
      if byte == dash { dashes += 1 } else if !(0x30...0x39).contains(byte) { isDecimal = false }
    }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 40) { text in
      func parse(_ separator: UInt8, _ domain: CInt, _ number: UnsafeMutableRawPointer) -> Bool {
        for (index, byte) in label.enumerated() { text[index] = CChar(bitPattern: byte == dash ? separator : byte) }
        text[label.count] = 0
        return inet_pton(domain, text.baseAddress!, number) == 1
      }
      if isDecimal, dashes == 3 {
        var number: UInt32 = 0
        if parse(UInt8(ascii: "."), AF_INET, &number) { return .v4(IPv4Address(rawValue: UInt32(bigEndian: number))) }
      }
      var number: UInt128 = 0
      guard parse(UInt8(ascii: ":"), AF_INET6, &number) else { return nil }
      return .v6(IPv6Address(rawValue: UInt128(bigEndian: number)))
    }
  }
}
