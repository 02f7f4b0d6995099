internal import Addressing
internal import ClusterModel
internal import Netlink

/// What `/proc/net/ip_vs_conn` says (`ip_vs_conn_seq_show` in net/netfilter/ipvs/ip_vs_conn.c): a heading, then a connection
/// a line. A client that persistence remembers is a line of its own, whose client has port 0. Generic netlink does not tell
/// connections. Pure.
enum IPVSConnections {
  struct Remembered: Equatable {
    var service: IPVSService.Key
    var target: Target
    var client: IPAddress
  }

  /// The clients that are remembered, in the order of the text; lines that say something else are passed over.
  static func remembered(_ text: String) -> [Remembered] {
    text.split(separator: "\n").compactMap { line in
      // Pro FromIP FPrt ToIP TPrt DestIP DPrt State Expires
      let words = line.split(separator: " ")
      guard words.count >= 9, words[2] == "0000",
        let transport = TransportProtocol.allCases.first(where: { $0.rawValue == words[0] }),
        let client = address(words[1]),
        let service = address(words[3]), let port = UInt16(words[4], radix: 16),
        let destination = address(words[5]), let destinationPort = UInt16(words[6], radix: 16)
      else { return nil }
      return Remembered(
        service: .init(service, transport: transport.number, port: port), target: Target(destination, destinationPort),
        client: client)
    }
  }

  /// `0AF40009`, or IPv6's eight groups in full.
  private static func address(_ word: Substring) -> IPAddress? {
    if word.contains(":") { return IPAddress(String(word)) }
    guard word.utf8.count == 8, let bits = UInt32(word, radix: 16) else { return nil }
    return .v4(IPv4Address(rawValue: bits))
  }
}
