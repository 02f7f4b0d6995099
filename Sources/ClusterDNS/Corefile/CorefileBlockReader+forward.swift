package import Addressing

// The plugins that ask elsewhere, and keep what they hear: forward, cache.
extension CorefileBlockReader {
  mutating func readForward(_ plugin: CorefileDirective) throws(CorefileError) {
    guard let from = plugin.arguments.first, plugin.arguments.count > 1 else {
      throw CorefileError(line: plugin.line, reason: "forward: expected a zone and at least one upstream")
    }
    guard let zone = CorefileValue.zone(from) else {
      throw CorefileError(line: plugin.line, reason: "forward: \(from) is no zone")
    }
    let serverName = plugin.body.first { $0.name == "tls_servername" }?.arguments.first
    var upstreams: [Upstream] = []
    for text in plugin.arguments.dropFirst() { upstreams += try self.upstreams(text, serverName, plugin) }
    guard !upstreams.isEmpty else {
      return corefile.note(plugin.line, "forward: no upstream of it can be used; it is left out")
    }
    var rule = ForwardRule(from: zone, upstreams: upstreams)
    rule.policy = .random
    rule.longestQueue = 1000
    for option in plugin.body { try read(option, into: &rule) }
    rules.forwards.append(rule)
  }

  private mutating func read(_ option: CorefileDirective, into rule: inout ForwardRule) throws(CorefileError) {
    switch option.name {
    case "except": rule.except = try zones(option.arguments, option)
    case "force_tcp": rule.isTCPForced = true
    // Over UDP first is what is done always.
    case "prefer_udp": break
    case "max_fails": rule.mostFailures = try number(option.arguments.first, option)
    case "max_concurrent": rule.longestQueue = try number(option.arguments.first, option)
    case "expire": rule.expire = try milliseconds(option.arguments.first ?? "", option)
    case "tls_servername": break
    case "tls":
      // Alone, with an authority, or with a certificate and key of ours and perhaps an authority.
      switch option.arguments.count {
      case 0: break
      case 1: rule.authorities = option.arguments.first
      default:
        rule.authorities = option.arguments.count == 3 ? option.arguments.last : nil
        corefile.note(option.line, "forward: tls: a certificate of our own is not shown to upstreams")
      }
    case "policy":
      guard let policy = option.arguments.first.flatMap({ ForwardRule.Policy(rawValue: $0) }) else {
        throw CorefileError(line: option.line, reason: "forward: policy takes random, round_robin or sequential")
      }
      rule.policy = policy
    case "health_check":
      rule.healthInterval = max(try milliseconds(option.arguments.first ?? "", option), 100)
      for extra in option.arguments.dropFirst() {
        corefile.note(option.line, "forward: health_check \(extra) is not honoured; the root is asked for")
      }
    default: corefile.note(option.line, "forward: \(option.name) is not honoured here")
    }
  }

  /// An address with or without port, `tls://…`, or a file like /etc/resolv.conf.
  private mutating func upstreams(_ text: String, _ serverName: String?, _ plugin: CorefileDirective)
    throws(CorefileError) -> [Upstream]
  {
    if text.hasPrefix("/") {
      guard let content = surroundings.read(text) else {
        throw CorefileError(line: plugin.line, reason: "forward: \(text) cannot be read")
      }
      return ResolverFile(content).nameServers.map { Upstream(AddressAndPort($0, 53)) }
    }
    var rest = text
    var transport = Upstream.Transport.plain
    if rest.hasPrefix("tls://") {
      rest = String(rest.dropFirst(6))
      transport = .tls(serverName: serverName)
      // A name after a percent sign, as newer versions have it.
      if let percent = rest.firstIndex(of: "%") {
        transport = .tls(serverName: String(rest[rest.index(after: percent)...]))
        rest = String(rest[..<percent])
      }
    } else if rest.hasPrefix("dns://") {
      rest = String(rest.dropFirst(6))
    } else if rest.contains("://") {
      corefile.note(plugin.line, "forward: \(text): only dns:// and tls:// are known here; it is left out")
      return []
    }
    guard let address = CorefileValue.split(rest, port: transport == .plain ? 53 : 853) else {
      throw CorefileError(line: plugin.line, reason: "forward: \(text) is no address, and no file of addresses")
    }
    return [Upstream(address, transport)]
  }

  mutating func readCache(_ plugin: CorefileDirective) throws(CorefileError) {
    var limits = AnswerCache.Limits()
    limits.positive = 5...3600
    limits.negative = 5...1800
    var words = plugin.arguments
    if let text = words.first, let ttl = Int(text) {
      words = words.dropFirst()
      guard ttl >= 5 else {
        throw CorefileError(line: plugin.line, reason: "cache: found \(ttl), expected 5 seconds or more")
      }
      limits.positive = 5...UInt32(clamping: ttl)
      limits.negative = 5...UInt32(clamping: ttl)
    }
    if !words.isEmpty {
      corefile.note(plugin.line, "cache: zones are those of the block; \(words.joined(separator: " ")) is not honoured")
    }
    for option in plugin.body {
      let words = Array(option.arguments)
      switch option.name {
      case "success", "denial":
        limits.entries = max(limits.entries, try number(words.first, option))
        let longest =
          words.count > 1 ? UInt32(clamping: try number(words[1], option)) : option.name == "success" ? 3600 : 1800
        let shortest = words.count > 2 ? UInt32(clamping: try number(words[2], option)) : 5
        let range = min(shortest, longest)...longest
        if option.name == "success" { limits.positive = range } else { limits.negative = range }
      case "prefetch":
        var prefetch = AnswerCache.Limits.Prefetch(amount: try number(words.first, option))
        if words.count > 1 { prefetch.row = try seconds(words[1], option) }
        if words.count > 2, words[2].hasSuffix("%") {
          prefetch.percentage = min(try number(String(words[2].dropLast()), option), 100)
        }
        limits.prefetch = prefetch
      case "serve_stale":
        limits.stale = try words.first.map { text throws(CorefileError) in try seconds(text, option) } ?? 3600
        limits.verifiesStale = words.count > 1 && words[1] == "verify"
      case "servfail": limits.failure = UInt32(clamping: try seconds(words.first ?? "5", option))
      // Names of the cluster are answered from what is known, never from a cache.
      case "disable": break
      default: corefile.note(option.line, "cache: \(option.name) is not honoured here")
      }
    }
    rules.cache = limits
  }
}

/// `/etc/resolv.conf` (resolv.conf(5)).
package struct ResolverFile: Sendable {
  package var nameServers: [IPAddress] = []
  package var search: [String] = []

  package init(_ text: String) {
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      switch words.first {
      case "nameserver" where words.count > 1:
        // A zone (`fe80::1%eth0`) is of this machine alone.
        if let address = IPAddress(words[1]) { nameServers.append(address) }
      case "search", "domain": search = Array(words.dropFirst())
      default: break
      }
    }
  }
}
