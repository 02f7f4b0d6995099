internal import Addressing

// The plugins that answer by themselves: kubernetes, hosts, rewrite, template, transfer.
extension CorefileBlockReader {
  mutating func readKubernetes(_ plugin: CorefileDirective, _ blockZones: [DomainName]) throws(CorefileError) {
    let named = try zones(plugin.arguments, plugin)
    let all = named.isEmpty ? blockZones : named
    let cluster = all.filter { !$0.isReverse }
    guard let first = cluster.first else {
      return corefile.note(plugin.line, "kubernetes: no zone of names among \(all); it is left out")
    }
    if let known = corefile.clusterDomain, known != first.description {
      throw CorefileError(
        line: plugin.line, reason: "kubernetes: \(first) is a second zone of the cluster beside \(known); use one")
    }
    corefile.clusterDomain = first.description
    for other in cluster.dropFirst() {
      corefile.note(plugin.line, "kubernetes: of several zones only the first is served; \(other) is left out")
    }
    rules.answersCluster = true
    for option in plugin.body {
      switch option.name {
      case "pods":
        guard let mode = option.arguments.first.flatMap({ PodRecords(rawValue: $0) }) else {
          throw CorefileError(
            line: option.line, reason: "kubernetes: pods takes disabled, insecure or verified")
        }
        rules.podRecords = mode
      case "ttl":
        let ttl = try number(option.arguments.first, option)
        guard ttl <= 3600 else { throw CorefileError(line: option.line, reason: "kubernetes: ttl is 0 to 3600") }
        rules.ttl = UInt32(ttl)
      case "fallthrough":
        let zones = try zones(option.arguments, option)
        // Reverse names that nobody has are asked upstream anyway, but for those of the cluster's own ranges.
        rules.fallthroughZones = (zones.isEmpty ? [first] : zones).filter { !$0.isReverse }
      // How the API is reached is told on the command line; the API's own limits apply.
      case "endpoint", "tls", "kubeconfig", "apiserver_qps", "apiserver_burst", "apiserver_max_inflight":
        corefile.note(option.line, "kubernetes: \(option.name) is told on the command line (--kubeconfig)")
      default: corefile.note(option.line, "kubernetes: \(option.name) is not honoured here")
      }
    }
    if !plugin.body.contains(where: { $0.name == "pods" }) { rules.podRecords = .disabled }
  }

  mutating func readHosts(_ plugin: CorefileDirective) throws(CorefileError) {
    var arguments = plugin.arguments
    if let file = arguments.first, file.hasPrefix("/") {
      arguments = arguments.dropFirst()
      if let text = surroundings.read(file) {
        for line in text.split(separator: "\n") {
          add(host: line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.map(String.init), plugin.line)
        }
      } else {
        corefile.note(plugin.line, "hosts: \(file) cannot be read; it is left out")
      }
    }
    var fallsThrough = false
    for option in plugin.body {
      switch option.name {
      case "ttl": rules.hostsTTL = UInt32(clamping: try number(option.arguments.first, option))
      case "fallthrough": fallsThrough = true
      case "reload": break
      case "no_reverse": corefile.note(option.line, "hosts: no_reverse is not honoured: reverse names are answered")
      default:
        guard IPAddress(option.name) != nil else {
          throw CorefileError(line: option.line, reason: "hosts: \(option.name) is neither an address nor an option")
        }
        add(host: option.words, option.line)
      }
    }
    if !fallsThrough {
      corefile.note(plugin.line, "hosts: other names go on to the next plugin, as with fallthrough")
    }
  }

  private mutating func add(host words: [String], _ line: Int) {
    guard let first = words.first, let address = IPAddress(first) else { return }
    for word in words.dropFirst() {
      guard let name = try? DomainName(parsing: word) else {
        corefile.note(line, "hosts: \(word) is no name")
        continue
      }
      rules.hosts[name, default: []].append(address)
    }
  }

  mutating func readRewrite(_ plugin: CorefileDirective) throws(CorefileError) {
    var words = plugin.arguments
    var continues = false
    if let first = words.first, first == "continue" || first == "stop" {
      continues = first == "continue"
      words = words.dropFirst()
    }
    guard words.popFirst() == "name" else {
      return corefile.note(
        plugin.line, "rewrite \(plugin.arguments.joined(separator: " ")): only rules for names are known here")
    }
    var kind = "exact"
    if let first = words.first, ["exact", "prefix", "suffix", "substring", "regex"].contains(first) {
      kind = first
      words = words.dropFirst()
    }
    guard let from = words.popFirst(), let to = words.popFirst() else {
      throw CorefileError(line: plugin.line, reason: "rewrite name: expected what to match and what takes its place")
    }
    func absolute(_ text: String) -> String { text.hasSuffix(".") ? text : text + "." }
    let match: RewriteRule.Match
    switch kind {
    case "prefix": match = .prefix(from.lowercased())
    case "suffix": match = .suffix(absolute(from.lowercased()))
    case "substring": match = .substring(from.lowercased())
    case "regex":
      do { match = .pattern(try Pattern(from)) } catch {
        throw CorefileError(line: plugin.line, reason: "rewrite: \(error)")
      }
    default: match = .exact(absolute(from.lowercased()))
    }
    let replacement = kind == "exact" || kind == "suffix" || kind == "regex" ? absolute(to) : to
    var rule = RewriteRule(match, replacement)
    rule.continues = continues
    rules.rewrites.append(rule)
    // `answer auto`, `answer name …`: answers always go by the client's own name here.
  }

  mutating func readTemplate(_ plugin: CorefileDirective, _ blockZones: [DomainName]) throws(CorefileError) {
    var words = plugin.arguments
    guard let recordClass = words.popFirst(), let type = words.popFirst() else {
      throw CorefileError(line: plugin.line, reason: "template: expected a class and a type, such as IN A")
    }
    guard recordClass.uppercased() == "IN" || recordClass.uppercased() == "ANY" else {
      return corefile.note(plugin.line, "template: class \(recordClass) is not known here")
    }
    var rule = TemplateRule()
    if type.uppercased() != "ANY" {
      guard let known = RecordType(named: type) else {
        throw CorefileError(line: plugin.line, reason: "template: \(type) is no type of record")
      }
      rule.type = known
    }
    let named = try zones(words, plugin)
    rule.zones = named.isEmpty ? blockZones : named
    for option in plugin.body {
      let text = option.arguments.joined(separator: " ")
      do {
        switch option.name {
        case "match": for pattern in option.arguments { rule.patterns.append(try Pattern(pattern)) }
        case "answer": rule.answers.append(try RecordTemplate(text))
        case "additional": rule.additionals.append(try RecordTemplate(text))
        case "authority": rule.authorities.append(try RecordTemplate(text))
        case "rcode":
          let codes: [String: ResponseCode] = [
            "NOERROR": .noError, "NXDOMAIN": .nameError, "SERVFAIL": .serverFailure, "REFUSED": .refused,
            "NOTIMP": .notImplemented,
          ]
          guard let code = codes[text.uppercased()] else {
            throw RecordTextError("rcode \(text): known are \(codes.keys.sorted().joined(separator: ", "))")
          }
          rule.code = code
        case "fallthrough":
          rule.fallthroughZones = option.arguments.isEmpty ? [.root] : try zones(option.arguments, option)
        default: corefile.note(option.line, "template: \(option.name) is not honoured here")
        }
      } catch {
        throw CorefileError(line: option.line, reason: "template: \(error)")
      }
    }
    rules.templates.append(rule)
  }

  mutating func readTransfer(_ plugin: CorefileDirective) throws(CorefileError) {
    for option in plugin.body {
      guard option.name == "to" else {
        corefile.note(option.line, "transfer: \(option.name) is not known here")
        continue
      }
      for text in option.arguments {
        if text == "*" {
          rules.transferTo += [Prefix(IPAddress("0.0.0.0")!, length: 0), Prefix(IPAddress("::")!, length: 0)]
        } else if let address = CorefileValue.split(text, port: 53)?.address {
          rules.transferTo.append(Prefix(host: address))
          corefile.note(option.line, "transfer to \(text): it may take the zone; no NOTIFY is sent")
        } else {
          throw CorefileError(line: option.line, reason: "transfer: \(text) is no address")
        }
      }
    }
  }
}

extension DomainName {
  /// Within `in-addr.arpa` or `ip6.arpa`.
  var isReverse: Bool {
    withView { $0.isWithin(ReverseName.apex4) || $0.isWithin(ReverseName.apex6) }
  }
}
