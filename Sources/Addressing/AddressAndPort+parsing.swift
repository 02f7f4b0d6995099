extension AddressAndPort {
  /// `192.0.2.1:53` or `[2001:db8::1]:53`, as `description` writes it.
  package init(parsing text: String) throws(AddressError) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      throw AddressError(
        text, at: text.utf8.count, "expected an address and a port, such as 192.0.2.1:53 or [2001:db8::1]:53")
    }
    let host = text[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    let address = try IPAddress(parsing: isBracketed ? String(host.dropFirst().dropLast()) : String(host))
    // Without brackets, the last part of an IPv6 address would be taken for a port.
    guard isBracketed == (address.family == .v6) else {
      throw AddressError(text, at: 0, "expected brackets around an IPv6 address, and none around an IPv4 address")
    }
    self.init(address, port)
  }
}
