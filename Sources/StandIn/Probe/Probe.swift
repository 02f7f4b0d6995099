internal import Addressing
internal import Glibc
internal import JSON
internal import Linux

/// `swiftlet-pause probe`: asks one question of the network from where it runs, one or many times, and prints what came
/// back as a JSON array with an object for each time: `ok`, and `error` or what was seen.
package enum Probe {
  static let usage = """
    usage: swiftlet-pause probe http|tcp|udp|source --address ADDRESS|NAME --port N [--type A|AAAA] [--host H] [--path P] \
    [--send TEXT] [--count N] [--timeout SECONDS]
           swiftlet-pause probe dns --name NAME [--type A|AAAA] [--server ADDRESS] [--tcp] [--timeout SECONDS]
    """

  struct Options {
    var address = ""
    var port: UInt16 = 0
    var host: String?
    var path = "/"
    var text = "probe\n"
    var count = 1
    var timeout = 2.0
    var name = ""
    var type: UInt16 = 1
    var server: IPAddress?
    var overTCP = false
  }

  /// The exit status: 0 if every time was ok, 1 if one was not, 2 for a wrong command line.
  package static func run(_ arguments: [String]) -> CInt {
    guard let kind = arguments.first, let options = parse(Array(arguments.dropFirst())) else {
      writeText(usage + "\n", to: 2)
      return 2
    }
    let probe: (Options) throws -> JSON
    switch kind {
    case "http": probe = http
    case "tcp": probe = tcp
    case "udp": probe = udp
    case "dns": probe = dns
    case "source": probe = source
    default:
      writeText(usage + "\n", to: 2)
      return 2
    }
    var results: [JSON] = []
    for _ in 0..<options.count {
      var result: JSON
      do {
        result = try probe(options)
        result["ok"] = true
      } catch {
        result = ["ok": false, "error": .string("\(error)")]
      }
      results.append(result)
    }
    writeText(String(decoding: JSON.array(results).bytes(), as: UTF8.self) + "\n", to: 1)
    return results.allSatisfy { $0["ok"].bool == true } ? 0 : 1
  }

  private static func parse(_ words: [String]) -> Options? {
    var options = Options()
    var words = words[...]
    while let word = words.popFirst() {
      if word == "--tcp" {
        options.overTCP = true
        continue
      }
      guard let value = words.popFirst() else { return nil }
      switch word {
      case "--address": options.address = value
      case "--port":
        guard let port = UInt16(value) else { return nil }
        options.port = port
      case "--host": options.host = value
      case "--path": options.path = value
      case "--send": options.text = value
      case "--count":
        guard let count = Int(value), count > 0 else { return nil }
        options.count = count
      case "--timeout":
        guard let timeout = Double(value), timeout > 0 else { return nil }
        options.timeout = timeout
      case "--name": options.name = value
      case "--type":
        guard value == "A" || value == "AAAA" else { return nil }
        options.type = value == "A" ? 1 : 28
      case "--server":
        guard let server = IPAddress(value) else { return nil }
        options.server = server
      default: return nil
      }
    }
    return options
  }

  private static func resolver(_ options: Options) throws -> ProbeResolver {
    var resolver = ProbeResolver(configuration: (try? Files.readText("/etc/resolv.conf")) ?? "")
    if let server = options.server { resolver.servers = [server] }
    resolver.timeout = options.timeout
    resolver.overTCP = options.overTCP
    return resolver
  }

  private static func address(_ options: Options) throws -> IPAddress {
    if let address = IPAddress(options.address) { return address }
    return try resolver(options).resolve(options.address, type: options.type).addresses[0]
  }

  private static func dns(_ options: Options) throws -> JSON {
    let (name, addresses) = try resolver(options).resolve(options.name, type: options.type)
    return ["name": .string(name), "addresses": .array(addresses.map { .string("\($0)") })]
  }

  private static func tcp(_ options: Options) throws -> JSON {
    let address = try address(options)
    let connection = try ProbeConnection(address, port: options.port, timeout: options.timeout)
    return ["address": .string("\(address)"), "local": local(connection)]
  }

  /// Sends nothing: a connected UDP socket knows which of our addresses its packets would have.
  private static func source(_ options: Options) throws -> JSON {
    let address = try address(options)
    return [
      "local": local(try ProbeConnection(address, port: options.port, datagram: true, timeout: options.timeout))
    ]
  }

  private static func udp(_ options: Options) throws -> JSON {
    let address = try address(options)
    let connection = try ProbeConnection(address, port: options.port, datagram: true, timeout: options.timeout)
    try connection.send(Array(options.text.utf8))
    return ["address": .string("\(address)"), "local": local(connection), "body": body(try connection.receive())]
  }

  private static func http(_ options: Options) throws -> JSON {
    let address = try address(options)
    let connection = try ProbeConnection(address, port: options.port, timeout: options.timeout)
    // An IPv6 address stands in brackets (RFC 3986 section 3.2.2).
    let host =
      options.host ?? (options.address.contains(":") ? "[\(options.address)]" : options.address) + ":\(options.port)"
    try connection.send(
      Array(
        "GET \(options.path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\nAccept: */*\r\n\r\n".utf8))
    var received: [UInt8] = []
    while true {
      let piece = try connection.receive()
      if piece.isEmpty { break }
      received += piece
    }
    let text = String(decoding: received, as: UTF8.self)
    let line = text.prefix { $0 != "\r\n" && $0 != "\n" }
    let words = line.split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/"), let status = Int(words[1]) else {
      throw ProbeFailure(description: "expected an HTTP answer, found \"\(line.prefix(60))\"")
    }
    var content = received[...]
    let separator = Array("\r\n\r\n".utf8)
    if let end = content.firstRange(of: separator) { content = content[end.upperBound...] }
    return [
      "address": .string("\(address)"), "local": local(connection), "status": .int(Int64(status)),
      "body": body(Array(content)),
    ]
  }

  private static func local(_ connection: ProbeConnection) -> JSON {
    connection.localAddress().map { .string("\($0)") } ?? .null
  }

  /// JSON as it is, anything else as text.
  private static func body(_ bytes: [UInt8]) -> JSON {
    (try? JSON(parsing: bytes)) ?? .string(String(decoding: bytes, as: UTF8.self))
  }

  private static func writeText(_ text: String, to raw: CInt) {
    let bytes = Array(text.utf8)
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { write(raw, $0.baseAddress! + offset, bytes.count - offset) }
      if count <= 0 { return }
      offset += count
    }
  }
}
