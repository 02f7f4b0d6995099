internal import Addressing
internal import Linux

extension DNSServer {
  /// Tells, step by step, what becomes of a question: the rules that are asked, the object that is found, and for other
  /// names the upstreams and what is in the cache. With a namespace, as a pod of it with `ndots:5` would ask. It asks
  /// nobody; whatever it tells is so at this moment.
  package func explain(_ text: String, type typeName: String, namespace: String?) -> [String] {
    guard let type = RecordType(named: typeName) else { return ["\(typeName) is no type of record"] }
    let name: DomainName
    do { name = try DomainName(parsing: text) } catch { return ["\(error)"] }
    guard let namespace, !text.hasSuffix(".") else { return step(name, type).lines }
    let zone = currentZone?.zone
    var lines: [String] = []
    var candidates = [name]
    if name.labels.count <= 5, let zone {
      let parents = ["\(namespace).svc.\(zone)", "svc.\(zone)", "\(zone)"]
      candidates = parents.compactMap { try? DomainName(parsing: "\(name).\($0)") } + [name]
      lines.append(
        "search list of pods in namespace \(namespace): fewer than 5 dots, so \(candidates.map { "\($0)" }.joined(separator: ", "))"
      )
      if configuration.completion != nil {
        lines.append("the pod's first question is answered with what the last step here finds (search-path answers)")
      }
    }
    for (number, candidate) in candidates.enumerated() {
      let (found, ends) = step(candidate, type)
      lines += found.map { "\(number + 1). \($0)" }
      if ends { break }
    }
    return lines
  }

  /// One name; whether a resolver would stop here.
  private func step(_ name: DomainName, _ type: RecordType) -> (lines: [String], ends: Bool) {
    name.withView { view in
      guard let block = currentPlan.block(for: view, port: addresses[0].port) else {
        return (["\(name): no server block is for it; REFUSED"], true)
      }
      let zones = block.rules.zones.map { "\($0)" }.joined(separator: " ")
      var lines = ["\(name) \(type.name): server block \(zones)"]
      if let renamed = RewriteRule.apply(block.rules.rewrites, to: view, type) {
        lines.append("rewritten to \(renamed)")
        return renamed.withView { resolve($0, renamed, type, block, lines) }
      }
      return resolve(view, name, type, block, lines)
    }
  }

  private func resolve(
    _ view: NameView, _ name: DomainName, _ type: RecordType, _ block: ServerBlock, _ start: [String]
  ) -> (lines: [String], ends: Bool) {
    var lines = start
    let responder = block.responder
    for rule in block.rules.templates
    where (rule.type ?? type) == type && rule.zones.contains(where: { view.isWithin($0) }) {
      return (lines + ["a template of the Corefile answers it"], true)
    }
    if responder.hosts.find(view) != nil { return (lines + ["a fixed host of the Corefile or of this program"], true) }
    if let zone = responder.zone {
      if view.isWithin(zone.zone) {
        let (text, exists) = describe(zone.find(view, pods: responder.pods), zone, type)
        lines.append("zone \(zone.zone): \(text)")
        if !exists, !zone.isSynced { lines.append("not all objects are known yet: SERVFAIL instead of NXDOMAIN") }
        return (lines, exists || !zone.isSynced)
      }
      if let address = ReverseName.address(view) {
        if let claim = zone.pointer(address) {
          let target = claim.host < 0 ? claim.service.name : claim.service.name(of: Int(claim.host))
          return (lines + ["\(address) is of Service \(claim.service.id): PTR \(target)"], true)
        }
        if responder.reverseRanges.contains(where: { $0.contains(address) }) {
          return (lines + ["\(address) is in a range of the cluster and nobody's: NXDOMAIN, not asked upstream"], true)
        }
      }
    }
    guard let group = block.groups.first(where: { $0.takes(view) }) else {
      return (lines + ["no upstream is named for it: REFUSED"], true)
    }
    let upstreams = group.rule.upstreams.enumerated().map { "\($1)" + (group.isDown($0) ? " (down)" : "") }
    lines.append("asked upstream: \(upstreams.joined(separator: ", ")), policy \(group.rule.policy.rawValue)")
    if group.isLooping.load(ordering: .relaxed) { lines.append("these upstreams ask us again (loop): SERVFAIL") }
    let now = Time.monotonicMilliseconds / 1000
    for hasEDNS in [false, true] {
      let key = AnswerCache.Key(
        name: name, type: type, hasEDNS: hasEDNS, isDNSSECOK: false, flags: Wire.recursionDesired)
      if let answer = block.cache?.answer(key, now: now) {
        lines.append(
          "in the cache\(hasEDNS ? " (with EDNS)" : ""): code \(answer.code.rawValue), \(answer.answerCount) answers")
        return (lines, answer.code != .nameError)
      }
    }
    return (lines + ["not in the cache"], true)
  }

  private func describe(_ finding: ClusterZone.Finding, _ zone: ClusterZone, _ type: RecordType) -> (String, Bool) {
    switch finding {
    case .apex: return ("the zone itself", true)
    case .version: return ("the version of the specification", true)
    case .nameServer: return ("the name server's own name", true)
    case .empty: return ("the name exists, without records: NODATA", true)
    case .nothing: return ("no object has this name: NXDOMAIN", false)
    case .pod(let address): return ("the pod's address \(address)", true)
    case .host(let service, let host):
      let addresses = service.addresses(of: host).map { "\($0)" }.joined(separator: ", ")
      return ("endpoint \(addresses) of Service \(service.id)", true)
    case .port(let service, let targets):
      return ("a named port of Service \(service.id), \(targets.count) targets", true)
    case .service(let service):
      switch service.kind {
      case .external(let target):
        return ("Service \(service.id), ExternalName: CNAME \(target.map { "\($0)" } ?? "")", true)
      case .headless: return ("headless Service \(service.id), \(service.addresses.count) ready addresses", true)
      case .clusterIP:
        let addresses = service.addresses.map { "\($0)" }.joined(separator: ", ")
        return ("Service \(service.id), ClusterIP \(addresses)", true)
      }
    }
  }
}
