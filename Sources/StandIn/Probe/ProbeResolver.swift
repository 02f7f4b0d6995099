internal import Addressing
internal import Glibc
internal import Linux

/// A resolver as a pod's libc would be one: /etc/resolv.conf with search domains and ndots (resolv.conf(5)). Our own,
/// because a static executable cannot call getaddrinfo.
struct ProbeResolver {
  var servers: [IPAddress] = []
  var search: [String] = []
  /// Names with at least this many dots are asked for as they are first.
  var dots = 1
  var timeout = 2.0
  var overTCP = false

  /// Reads the text of a resolv.conf.
  init(configuration text: String) {
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
      switch words.first {
      case "nameserver": if words.count > 1, let server = IPAddress(words[1]) { servers.append(server) }
      case "search": search = Array(words.dropFirst())
      case "options":
        for option in words.dropFirst() where option.hasPrefix("ndots:") {
          dots = Int(option.dropFirst("ndots:".count)) ?? dots
        }
      default: break
      }
    }
  }

  /// The names to try, in order.
  func candidates(_ name: String) -> [String] {
    if name.hasSuffix(".") { return [name] }
    let expanded = search.map { "\(name).\($0)." }
    let plain = "\(name)."
    return name.filter { $0 == "." }.count >= dots ? [plain] + expanded : expanded + [plain]
  }

  /// Asks for addresses, name after name; the first name that has some wins.
  func resolve(_ name: String, type: UInt16 = 1) throws -> (name: String, addresses: [IPAddress]) {
    guard !servers.isEmpty else { throw ProbeFailure(description: "resolv.conf names no nameserver") }
    var last = "no such name"
    for candidate in candidates(name) {
      var answer: ProbeDNSAnswer?
      for server in servers where answer == nil {
        do { answer = try ask(candidate, type, server) } catch { last = "\(server): \(error)" }
      }
      guard let answer else { throw ProbeFailure(description: last) }
      if !answer.addresses.isEmpty { return (candidate, answer.addresses) }
      last = "\(candidate) \(answer.code == 0 ? "has no address" : "answered with code \(answer.code)")"
    }
    throw ProbeFailure(description: last)
  }

  private func ask(_ name: String, _ type: UInt16, _ server: IPAddress) throws -> ProbeDNSAnswer {
    let query = ProbeDNSAnswer.query(name, type: type, identifier: UInt16.random(in: 0...UInt16.max))
    let connection = try ProbeConnection(server, port: 53, datagram: !overTCP, timeout: timeout)
    if !overTCP {
      try connection.send(query)
      return try ProbeDNSAnswer(message: try connection.receive(), to: query)
    }
    // Over TCP a message follows its length (RFC 1035 section 4.2.2).
    try connection.send([UInt8(query.count >> 8), UInt8(query.count & 255)] + query)
    var received: [UInt8] = []
    while received.count < 2 || received.count < 2 + Int(received[0]) << 8 + Int(received[1]) {
      let piece = try connection.receive()
      if piece.isEmpty { throw ProbeFailure(description: "the connection ended within an answer") }
      received += piece
    }
    return try ProbeDNSAnswer(message: Array(received.dropFirst(2)), to: query)
  }
}
