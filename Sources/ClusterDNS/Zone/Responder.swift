internal import Addressing
internal import Glibc

/// Answers from what is known here: fixed hosts and the cluster's zone. It is a function of the question and the zone's
/// present state; sockets and upstreams are somebody else's. A class, so that a question costs one reference and not a copy
/// of all that is set here.
final class Responder: Sendable {
  /// What became of a question.
  enum Outcome {
    /// The answer is written.
    case answered(ResponseCode)
    /// The name is not ours: ask an upstream.
    case forward(Forwarding)
  }

  let hosts: StaticHosts
  /// nil: no cluster, fixed hosts alone.
  let zone: ClusterZone?
  let pods: PodRecords
  /// Seconds that answers of the zone may be kept.
  let ttl: UInt32
  /// Addresses whose reverse names are ours alone: never asked upstream.
  let reverseRanges: [Prefix]
  let hasUpstreams: Bool
  /// The addresses of the name server that NS and SOA name, where pods ask.
  let nameServerAddresses: [IPAddress]
  /// Names of the cluster's zone within these that do not exist are asked upstream.
  let fallthroughZones: [DomainName]
  let rewrites: [RewriteRule]
  let templates: [TemplateRule]
  let hostsTTL: UInt32?
  let isLoadBalanced: Bool
  /// nil: search lists are not completed.
  let completion: SearchCompletion?
  /// Without cluster and upstreams this server is the authority for all names, beside a cluster it is not.
  let isAlone: Bool
  /// What an idle TCP connection is told with edns-tcp-keepalive, in units of 100 ms.
  let keepalive: UInt16

  /// CNAMEs of our own that are followed for one question.
  static let longestAliasChain = 10
  /// The version of the specification of DNS-based service discovery, and how long that is true, in seconds.
  static let version: StaticString = "1.1.0"
  static let versionTTL: UInt32 = 28800

  init(
    hosts: StaticHosts, zone: ClusterZone?, pods: PodRecords, ttl: UInt32, reverseRanges: [Prefix], hasUpstreams: Bool,
    keepalive: UInt16, nameServerAddresses: [IPAddress] = [], fallthroughZones: [DomainName] = [],
    rewrites: [RewriteRule] = [], templates: [TemplateRule] = [], hostsTTL: UInt32? = nil, isLoadBalanced: Bool = true,
    completion: SearchCompletion? = nil, isAlone: Bool = true
  ) {
    self.hosts = hosts
    self.zone = zone
    self.pods = pods
    self.ttl = ttl
    self.reverseRanges = reverseRanges
    self.hasUpstreams = hasUpstreams
    self.keepalive = keepalive
    self.nameServerAddresses = nameServerAddresses
    self.fallthroughZones = fallthroughZones
    self.rewrites = rewrites
    self.templates = templates
    self.hostsTTL = hostsTTL
    self.isLoadBalanced = isLoadBalanced
    self.completion = completion
    self.isAlone = isAlone
  }

  /// Answers a parsed question into a writer. `limit` is the most bytes of the answer; `turn` differs from question to
  /// question and decides which address comes first; `client` is who asks, nil where that does not matter.
  func respond(
    to query: Query, _ verdict: Query.Verdict, into writer: inout ResponseWriter, limit: Int, isTCP: Bool, turn: Int,
    client: () -> IPAddress? = { nil }
  ) -> Outcome {
    if case .reject(let code) = verdict {
      writer.writeHeaderOnly(query, code)
      return .answered(code)
    }
    writer.begin(query, limit: limit)
    var asked = Asked(query: query, turn: isLoadBalanced ? turn : 0, keepalive: isTCP ? keepalive : nil)
    if let edns = query.edns, edns.version > 0 { return finish(.badVersion, asked, &writer) }
    if query.recordClass != Wire.classInternet || query.type.isMeta { return finish(.refused, asked, &writer) }
    guard !rewrites.isEmpty, let renamed = RewriteRule.apply(rewrites, to: query.name, query.type) else {
      return respond(query.name, asked, &writer, client)
    }
    asked.renamed = renamed
    return renamed.withView { respond($0, asked, &writer, client) }
  }

  /// A question with what its answer depends on beside the name that is looked up.
  struct Asked {
    var query: Query
    var turn: Int
    var keepalive: UInt16?
    /// The name that is looked up instead of the client's; answers go by the client's.
    var renamed: DomainName?
  }

  func finish(_ code: ResponseCode, flags: UInt16 = 0, _ asked: Asked, _ writer: inout ResponseWriter) -> Outcome {
    writer.finish(
      code, flags: flags | (hasUpstreams ? Wire.recursionAvailable : 0), keepalive: asked.keepalive)
    return .answered(code)
  }

  private func respond(
    _ name: NameView, _ asked: Asked, _ writer: inout ResponseWriter, _ client: () -> IPAddress?
  ) -> Outcome {
    let query = asked.query
    for template in templates {
      if let code = template.answer(name, query.type, into: &writer) {
        return finish(code, flags: Wire.authoritative, asked, &writer)
      }
    }
    if let finding = hosts.find(name) {
      write(finding, query.type, asked.turn, &writer)
      return finish(.noError, flags: Wire.authoritative, asked, &writer)
    }
    if let zone {
      if name.isWithin(zone.zone) { return answer(zone, name, asked, &writer, client) }
      if let outcome = reverse(zone, name, asked, &writer) { return outcome }
    }
    if hasUpstreams { return .forward(Forwarding(renamed: asked.renamed)) }
    if !isAlone || zone != nil { return finish(.refused, asked, &writer) }
    writer.begin(section: .authority)
    writeStart(of: .root, nil, &writer)
    return finish(.nameError, flags: Wire.authoritative, asked, &writer)
  }

  /// The answer to a reverse name of the cluster; nil for one that is not ours.
  private func reverse(_ zone: ClusterZone, _ name: NameView, _ asked: Asked, _ writer: inout ResponseWriter)
    -> Outcome?
  {
    guard let address = ReverseName.address(name) else { return nil }
    if let claim = zone.pointer(address) {
      if asked.query.type == .ptr {
        writer.record(owner: ResponseWriter.questionName, .ptr, ttl: ttl) { writer in
          Self.append(claim.host, of: claim.service, &writer)
        }
      } else if asked.query.type == .any {
        writeAny(ResponseWriter.questionName, &writer)
      } else {
        writeReverseStart(name, &writer)
      }
      return finish(.noError, flags: Wire.authoritative, asked, &writer)
    }
    guard reverseRanges.contains(where: { $0.contains(address) }) else { return nil }
    guard zone.isSynced else { return finish(.serverFailure, asked, &writer) }
    writeReverseStart(name, &writer)
    return finish(.nameError, flags: Wire.authoritative, asked, &writer)
  }

  // MARK: the cluster's zone

  private func answer(
    _ zone: ClusterZone, _ name: NameView, _ asked: Asked, _ writer: inout ResponseWriter, _ client: () -> IPAddress?
  ) -> Outcome {
    let query = asked.query
    var aliases: [DomainName] = []
    var owner = ResponseWriter.questionName
    var finding = zone.find(name, pods: pods)
    if case .nothing = finding, completion != nil, query.type == .a || query.type == .aaaa, query.isRecursionDesired {
      switch complete(name, zone, client: client) {
      case .inside(let target, let found):
        aliases = [target]
        finding = found
        owner = alias(owner, target, &writer) ?? owner
      case .outside(let names):
        return .forward(
          Forwarding(aliases: [names[0]], further: Array(names.dropFirst()), isCompletion: true))
      case nil: break
      }
    }
    while case .service(let service) = finding, case .external(let target?) = service.kind, query.type != .any {
      guard aliases.count < Self.longestAliasChain else {
        writer.clearRecords()
        return finish(.serverFailure, asked, &writer)
      }
      guard let next = alias(owner, target, &writer) else { break }
      if query.type == .cname { return finish(.noError, flags: Wire.authoritative, asked, &writer) }
      aliases.append(target)
      if !target.withView({ $0.isWithin(zone.zone) }) {
        if hasUpstreams { return .forward(Forwarding(aliases: aliases)) }
        return finish(.noError, flags: Wire.authoritative, asked, &writer)
      }
      finding = target.withView { zone.find($0, pods: pods) }
      owner = next
    }
    if case .nothing = finding, hasUpstreams, zone.isSynced, aliases.isEmpty {
      for parent in fallthroughZones where name.isWithin(parent) {
        return .forward(Forwarding(renamed: asked.renamed))
      }
    }
    let before = writer.position
    let code = write(finding, zone, owner, query.type, asked.turn, &writer)
    if writer.position == before, !writer.isTruncated {
      // Nothing to say of this type: NODATA or NXDOMAIN. Before the first sync it may only not be known yet.
      if !zone.isSynced, !finding.isApex {
        writer.clearRecords()
        return finish(.serverFailure, asked, &writer)
      }
      writer.begin(section: .authority)
      writeStart(of: zone.zone, zone, &writer)
    }
    return finish(code, flags: Wire.authoritative, asked, &writer)
  }

  /// Writes an alias; returns the pointer to its target, the owner of what follows, or nil where there is no room.
  private func alias(_ owner: UInt16, _ target: DomainName, _ writer: inout ResponseWriter) -> UInt16? {
    writer.record(owner: owner, .cname, ttl: ttl) { $0.append(name: target) }.map { 0xC000 | UInt16($0) }
  }

  /// Writes what a finding has of a type; nothing if it has none.
  private func write(
    _ finding: ClusterZone.Finding, _ zone: ClusterZone, _ owner: UInt16, _ type: RecordType, _ turn: Int,
    _ writer: inout ResponseWriter
  ) -> ResponseCode {
    if case .nothing = finding { return .nameError }
    if type == .any {
      writeAny(owner, &writer)
      return .noError
    }
    switch finding {
    case .nothing, .empty: break
    case .apex:
      if type == .soa { writeStart(of: zone.zone, zone, &writer) }
      if type == .ns { writer.record(owner: owner, .ns, ttl: ttl) { $0.append(name: zone.nameServer) } }
    case .version:
      if type == .txt {
        writer.record(owner: owner, .txt, ttl: Self.versionTTL) { $0.append(text: Self.version) }
      }
    case .nameServer: write(nameServerAddresses[...], owner, type, 0, &writer)
    case .pod(let address):
      if type == (address.family == .v4 ? .a : .aaaa) { writer.address(owner: owner, address, ttl: ttl) }
    case .host(let service, let host): write(service.addresses(of: host), owner, type, turn, &writer)
    case .service(let service):
      if type == .srv { write(service, service.allTargets, owner, turn, &writer) }
      write(service.addresses[...], owner, type, turn, &writer)
    case .port(let service, let targets):
      if type == .srv { write(service, targets, owner, turn, &writer) }
    }
    return .noError
  }

  /// The addresses of the type asked for, beginning with another one each time.
  private func write(
    _ addresses: ArraySlice<IPAddress>, _ owner: UInt16, _ type: RecordType, _ turn: Int,
    ttl: UInt32? = nil, _ writer: inout ResponseWriter
  ) {
    guard type == .a || type == .aaaa else { return }
    let family: IPFamily = type == .a ? .v4 : .v6
    let count = addresses.count
    guard count > 0 else { return }
    let start = turn % count
    for step in 0..<count {
      let index = start + step
      let address = addresses[addresses.startIndex + (index < count ? index : index - count)]
      if address.family == family { writer.address(owner: owner, address, ttl: ttl ?? self.ttl) }
      if writer.isTruncated { return }
    }
  }

  private func write(_ finding: StaticHosts.Finding, _ type: RecordType, _ turn: Int, _ writer: inout ResponseWriter) {
    let owner = ResponseWriter.questionName
    let before = writer.position
    switch finding {
    case .addresses(let addresses): write(addresses[...], owner, type, turn, ttl: hostsTTL, &writer)
    case .pointer(let name): if type == .ptr { writer.record(owner: owner, .ptr, ttl: ttl) { $0.append(name: name) } }
    case .empty: break
    }
    if type == .any { writeAny(owner, &writer) }
    if writer.position == before, !writer.isTruncated {
      writer.begin(section: .authority)
      writeStart(of: .root, nil, &writer)
    }
  }
}

extension ClusterZone.Finding {
  /// The zone's own name is known before any object is.
  var isApex: Bool {
    switch self {
    case .apex, .version, .nameServer: true
    default: false
    }
  }
}
