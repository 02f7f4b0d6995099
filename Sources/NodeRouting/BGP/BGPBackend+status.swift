package import JSON
internal import Addressing
internal import Linux
internal import Netlink

extension BGPBackend {
  /// Who this node is to others, each session, and what is wrong.
  package var status: JSON {
    let (speaker, refusal, signatures, peers) = state.withLock {
      ($0.speaker, $0.refusal, $0.signatureFailures, $0.peers)
    }
    var json: JSON = ["backend": "bgp"]
    if let file = settings.configurationFile { json["configuration"] = .string(file) }
    if let refusal { json["configurationError"] = .string(refusal) }
    guard let speaker else { return json }
    json["as"] = .int(Int64(speaker.asNumber.rawValue))
    json["routerID"] = .string("\(speaker.routerID)")
    if let id = speaker.clusterID { json["reflectorClusterID"] = .string("\(id)") }
    json["announced"] = .array(speaker.podRanges.map { .string("\($0)") })
    var bird: JSON = ["log": .string(self.bird.logPath)]
    if let pid = self.bird.processID { bird["pid"] = .int(Int64(pid)) }
    if let version = self.bird.version { bird["version"] = .string(version) }
    var protocols: [String: BIRDProtocol] = [:]
    do {
      for found in try self.bird.protocols() { protocols[found.name] = found }
    } catch {
      bird["error"] = .string("\(error)")
    }
    json["bird"] = bird
    json["peers"] = Self.ways(to: peers, (try? ownRoutes()) ?? [])
    let failures = signatures.flatMap { SignatureFailures(namespace: settings.namespace)?.since($0) }
    json["sessions"] = .array(
      speaker.sessions.map { Self.status($0, protocols[$0.name], failures ?? SignatureFailures()) })
    return json
  }

  /// `{NODE:{RANGE:WAY}}`, by what the kernel holds.
  private static func ways(to peers: [String: RoutePeer], _ routes: [Route]) -> JSON {
    let gateways = Dictionary(routes.map { ($0.destination, $0.gateway) }) { first, _ in first }
    var result = JSON.Object()
    for (node, peer) in peers.sorted(by: { $0.key < $1.key }) {
      var ranges = JSON.Object()
      for range in peer.podRanges {
        let gateway = gateways[range] ?? nil
        ranges["\(range)"] = .string(gateway.map { "bgp via \($0)" } ?? "no route learned")
      }
      result[node] = .object(ranges)
    }
    return .object(result)
  }

  /// One session: what was asked for, and what BIRD says of it.
  package static func status(
    _ session: BGPSession, _ found: BIRDProtocol?, _ failures: SignatureFailures
  ) -> JSON {
    var json: JSON = [
      "name": .string(session.name), "role": .string(session.role.word), "peer": .string(session.role.peer),
      "address": .string("\(session.remote)"), "as": .int(Int64(session.remoteAS.rawValue)),
    ]
    guard let found else {
      json["state"] = "Unknown"
      json["lastError"] = "BIRD does not know this session (yet)"
      return json
    }
    json["state"] = .string(found.sessionState)
    json["since"] = .string(found.since)
    json["routesIn"] = .int(Int64(found.channels.map(\.imported).reduce(0, +)))
    json["routesOut"] = .int(Int64(found.channels.map(\.exported).reduce(0, +)))
    let isEstablished = found.sessionState == "Established"
    if let error = found.details["Last error"] ?? Self.trouble(in: found.info), !error.isEmpty {
      json["lastError"] = .string(error)
    }
    if !isEstablished, let hint = hint(session, failures) { json["hint"] = .string(hint) }
    return json
  }

  /// What BIRD shows behind the session's state: `Active        Socket: Connection refused`.
  private static func trouble(in info: String) -> String? {
    guard let space = info.firstIndex(of: " ") else { return nil }
    return String(info[space...].drop { $0 == " " })
  }

  /// The counters are those of the namespace, not of one peer: so it says what they mean if it is this one.
  private static func hint(_ session: BGPSession, _ failures: SignatureFailures) -> String? {
    if session.password == nil {
      return failures.unexpected > 0
        ? "\(failures.unexpected) signed segments came that no password is known for: the peer has a password for this "
          + "node; put it into passwordFile" : nil
    }
    if failures.wrong > 0 {
      return "\(failures.wrong) segments came with a wrong signature: the password here and at the peer differ"
    }
    if failures.missing > 0 {
      return "\(failures.missing) segments came without a signature: the peer has no password for this node"
    }
    return "a peer with another password does not answer at all: compare the two"
  }
}

extension BGPSession.Role {
  fileprivate var word: String {
    switch self {
    case .node: "node"
    case .reflectorClient: "client"
    case .reflectorPeer: "reflector"
    case .external: "external"
    }
  }

  fileprivate var peer: String {
    switch self {
    case .node(let name), .reflectorClient(let name), .reflectorPeer(let name), .external(let name): name
    }
  }
}
