package import Addressing

/// Answers without sockets, as a worker gives them: bytes of a question in, bytes of its answer out. Not for use by two
/// threads at once.
package final class DatagramAnswers {
  private let responder: Responder
  private let query = Query()
  private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 65535)

  /// `zone` nil: fixed hosts alone. `reverseRanges` are those whose reverse names are never asked upstream.
  package init(
    zone: ClusterZone?, hosts: [DomainName: [IPAddress]] = [:], pods: PodRecords = .insecure,
    reverseRanges: [Prefix] = [], hasUpstreams: Bool = false
  ) {
    let known = StaticHosts()
    known.replace(hosts)
    responder = Responder(
      hosts: known, zone: zone, pods: pods, ttl: 5, reverseRanges: reverseRanges, hasUpstreams: hasUpstreams,
      keepalive: 100)
  }

  /// By a block's rules; nil where they cannot be used.
  package init?(zone: ClusterZone?, rules: BlockRules) {
    let configuration = DNSServer.Configuration(listen: [])
    guard let block = try? ServerBlock(rules, configuration, zone: zone, cache: nil) else { return nil }
    responder = block.responder
  }

  deinit { buffer.deallocate() }

  /// The answer to a message; nil where there is none, or where an upstream would be asked.
  package func answer(_ message: [UInt8], turn: Int = 0) -> [UInt8]? {
    message.withUnsafeBufferPointer { message in
      let verdict = query.parse(message)
      if verdict == .drop { return nil }
      var writer = ResponseWriter(buffer)
      let outcome = responder.respond(
        to: query, verdict, into: &writer, limit: query.datagramLimit, isTCP: false, turn: turn)
      guard case .answered = outcome else { return nil }
      return Array(writer.message)
    }
  }

  /// What a client that sent `question` gets from an upstream's bytes; nil where they are no answer to it. With `alias`
  /// the upstream was asked for that name instead. Identifiers upstream are 0 here.
  package func answer(_ question: [UInt8], upstream: [UInt8], alias: DomainName? = nil, now: Int = 60) -> [UInt8]? {
    question.withUnsafeBufferPointer { message in
      guard query.parse(message) == .question else { return nil }
      let key = AnswerCache.Key(
        name: alias ?? query.name.name, type: query.type, hasEDNS: query.edns != nil,
        isDNSSECOK: query.edns?.isDNSSECOK ?? false, flags: Wire.recursionDesired)
      let rule = ForwardRule(upstreams: [])
      guard let group = try? UpstreamGroup(rule),
        case .answer(let answer) = Exchange(key, group).examine(upstream, now: 0)
      else { return nil }
      if alias == nil, let length = answer.copy(for: query, into: buffer, limit: query.datagramLimit, now: now) {
        return Array(buffer[..<length])
      }
      var writer = ResponseWriter(buffer)
      writer.begin(query, limit: query.datagramLimit)
      if let alias {
        writer.record(owner: ResponseWriter.questionName, .cname, ttl: responder.ttl) { $0.append(name: alias) }
      }
      answer.write(into: &writer, now: now)
      writer.finish(answer.code, flags: Wire.recursionAvailable)
      return Array(writer.message)
    }
  }
}
