/// A port that a stand-in listens on.
package struct ListenPort: Hashable, Sendable, CustomStringConvertible {
  package enum Transport: String, Hashable, Sendable {
    case tcp = "TCP"
    case udp = "UDP"
  }

  package let number: UInt16
  package let transport: Transport

  package init(_ number: UInt16, _ transport: Transport) {
    self.number = number
    self.transport = transport
  }

  /// `8080/TCP`, `53/UDP` or `8080`, which means TCP; the protocol in either case of letters.
  package init(parsing text: String) throws(ArgumentError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let number = UInt16(parts[0]), number > 0 else {
      throw ArgumentError("port \"\(text)\": found \"\(parts[0])\", expected a number from 1 to 65535")
    }
    let name = parts.count > 1 ? parts[1].uppercased() : "TCP"
    guard let transport = Transport(rawValue: name) else {
      throw ArgumentError("port \"\(text)\": found protocol \"\(parts[1])\", expected TCP or UDP")
    }
    self.init(number, transport)
  }

  package var description: String { "\(number)/\(transport.rawValue)" }
}
