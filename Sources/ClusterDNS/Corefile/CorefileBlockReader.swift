internal import Addressing

/// Reads one server block.
struct CorefileBlockReader {
  var corefile: Corefile
  let surroundings: Corefile.Surroundings
  var rules = BlockRules()
  private(set) var blocks: [BlockRules] = []
  private var hasCluster = false

  /// Plugins that do nothing here because what they ask for is always so, or has no counterpart.
  private static let always: Set<String> = ["errors", "loadbalance", "bufsize", "minimal", "nsid", "debug", "any"]

  init(_ corefile: Corefile, _ surroundings: Corefile.Surroundings) {
    self.corefile = corefile
    self.surroundings = surroundings
    rules.answersCluster = false
    rules.isLoadBalanced = false
  }

  mutating func read(_ block: CorefileDirective) throws(CorefileError) {
    var keys: [(zone: DomainName, port: UInt16)] = []
    for word in block.words {
      for key in word.split(separator: ",") {
        if let found = try self.key(String(key), block.line) { keys.append(found) }
      }
    }
    for directive in block.body { try read(plugin: directive, zones: keys.map(\.zone)) }
    if !rules.forwards.isEmpty, !block.body.contains(where: { $0.name == "loop" }) {
      for index in rules.forwards.indices { rules.forwards[index].detectsLoops = false }
    }
    // One block of ours for each port.
    for port in Set(keys.map(\.port)).sorted() {
      var rules = rules
      rules.port = port
      rules.zones = keys.filter { $0.port == port }.map(\.zone)
      blocks.append(rules)
      corefile.ports.insert(port)
    }
  }

  /// `example.org:1053`, `dns://.:53`, `10.0.0.0/8`.
  private mutating func key(_ text: String, _ line: Int) throws(CorefileError) -> (DomainName, UInt16)? {
    var rest = text[...]
    for scheme in ["dns://", "tls://", "https://", "grpc://", "quic://"] where rest.hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count)
      if scheme != "dns://" {
        corefile.note(
          line, "\(text): only DNS over UDP and TCP is served by blocks; --tls-certificate serves DNS over TLS")
        return nil
      }
    }
    var port: UInt16 = 53
    // The colons of an IPv6 range stand before its slash.
    let tail = rest.lastIndex(of: "/").map { rest[$0...] } ?? rest
    if let colon = tail.lastIndex(of: ":") {
      guard let number = UInt16(rest[rest.index(after: colon)...]) else {
        throw CorefileError(line: line, reason: "\(text): \(rest[rest.index(after: colon)...]) is no port")
      }
      port = number
      rest = rest[..<colon]
    }
    guard let zone = CorefileValue.zone(rest.isEmpty ? "." : String(rest)) else {
      throw CorefileError(line: line, reason: "\(text) is no zone")
    }
    return (zone, port)
  }

  private mutating func read(plugin: CorefileDirective, zones: [DomainName]) throws(CorefileError) {
    switch plugin.name {
    case "kubernetes": try readKubernetes(plugin, zones)
    case "forward": try readForward(plugin)
    case "cache": try readCache(plugin)
    case "hosts": try readHosts(plugin)
    case "rewrite": try readRewrite(plugin)
    case "template": try readTemplate(plugin, zones)
    case "transfer": try readTransfer(plugin)
    case "log":
      rules.logSampling = 1
      ignore(plugin.body, of: "log")
    case "loop": break
    case "loadbalance":
      rules.isLoadBalanced = true
      let policy = plugin.arguments.first ?? "round_robin"
      if policy != "round_robin" { corefile.note(plugin.line, "loadbalance \(policy): only round_robin is known here") }
    case "reload":
      corefile.reloadInterval =
        try plugin.arguments.first.map { text throws(CorefileError) in
          try seconds(text, plugin)
        } ?? 30
    case "health":
      corefile.health = try endpoint(plugin, usual: 8080)
      for option in plugin.body {
        if option.name == "lameduck", let text = option.arguments.first {
          corefile.lameduck = try seconds(text, option)
        } else {
          corefile.note(option.line, "health: \(option.name) is not known here")
        }
      }
    case "ready": corefile.ready = try endpoint(plugin, usual: 8181)
    case "prometheus": corefile.metrics = try endpoint(plugin, usual: 9153)
    case "bind":
      for text in plugin.arguments {
        if let address = IPAddress(text) {
          corefile.addresses.append(address)
        } else {
          corefile.note(plugin.line, "bind \(text): interfaces are not known here; give addresses")
        }
      }
    case _ where Self.always.contains(plugin.name): break
    default: corefile.note(plugin.line, "plugin \(plugin.name) is not known here and is left out")
    }
  }

  // MARK: values

  mutating func ignore(_ options: [CorefileDirective], of plugin: String) {
    for option in options { corefile.note(option.line, "\(plugin): \(option.name) is not honoured here") }
  }

  func seconds(_ text: String, _ directive: CorefileDirective) throws(CorefileError) -> Int {
    try milliseconds(text, directive) / 1000
  }

  func milliseconds(_ text: String, _ directive: CorefileDirective) throws(CorefileError) -> Int {
    guard let value = CorefileValue.milliseconds(text) else {
      throw CorefileError(line: directive.line, reason: "\(directive.name): \(text) is no span of time, such as 30s")
    }
    return value
  }

  func number(_ text: String?, _ directive: CorefileDirective) throws(CorefileError) -> Int {
    guard let text, let value = Int(text), value >= 0 else {
      throw CorefileError(
        line: directive.line, reason: "\(directive.name): found \(text ?? "nothing"), expected a number")
    }
    return value
  }

  private func endpoint(_ plugin: CorefileDirective, usual: UInt16) throws(CorefileError) -> AddressAndPort {
    guard let text = plugin.arguments.first else { return AddressAndPort(IPAddress("::")!, usual) }
    guard let endpoint = CorefileValue.endpoint(text) else {
      throw CorefileError(
        line: plugin.line, reason: "\(plugin.name): \(text) is no address with a port, such as :\(usual)")
    }
    return endpoint
  }

  func zones(_ words: some Sequence<String>, _ directive: CorefileDirective) throws(CorefileError) -> [DomainName] {
    var zones: [DomainName] = []
    for word in words {
      guard let zone = CorefileValue.zone(word) else {
        throw CorefileError(line: directive.line, reason: "\(directive.name): \(word) is no zone")
      }
      zones.append(zone)
    }
    return zones
  }
}
