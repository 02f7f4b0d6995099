internal import Addressing

/// BIRD 2's configuration file for a speaker: pure, and in an order that is the same for the same speaker.
///
/// Routes of the kernel's (but none of pods or Services) resolve next hops. What the node has itself are static routes
/// that stay in BIRD; what it learns by BGP goes into the kernel, marked by `metric`, and stays there while BIRD is
/// restarted (`persist`, `graceful restart`).
package struct BIRDConfiguration: Sendable {
  /// Marks our routes in the kernel: BIRD's own protocol number (12) cannot be changed, and another BIRD may run.
  package static let metric: UInt32 = 87
  /// RTPROT_BIRD.
  package static let routeProtocol: UInt8 = 12
  /// Names the protocol whose description is the configuration's fingerprint.
  package static let markName = "devices"
  /// Names of the protocols that put routes into the kernel.
  static let kernelNames = ["kernel4", "kernel6"]

  /// The file's text; it holds passwords.
  package let text: String
  /// What BIRD tells as the description of `markName` once it runs this configuration.
  package let fingerprint: String

  /// - Parameter log: where BIRD writes what happens; 1 MB of it and as much of what was before is kept.
  package init(_ speaker: BGPSpeaker, log: String) {
    var body = """
      log "\(log)" 1048576 "\(log).1" all;
      router id \(speaker.routerID);
      graceful restart wait 30;
      timeformat protocol iso long;

      """
    for family in IPFamily.allCases { body += Self.tables(speaker, family) }
    for session in speaker.sessions { body += Self.session(session, speaker) }
    fingerprint = "swiftlet-" + String(BGPSpeaker.hash(body), radix: 16)
    text = """
      # Written by swiftlet agent, which replaces it; what the nodes announce is told by --bgp-config.
      protocol device \(Self.markName) { description "\(fingerprint)"; scan time 10; }

      """ + body
  }

  // MARK: routes of this machine

  private static func tables(_ speaker: BGPSpeaker, _ family: IPFamily) -> String {
    let (number, channel) = (family.number, family.channel)
    let own = own(speaker, family)
    var preferred = ""
    if let address = speaker.addresses.first(where: { $0.family == family }) {
      preferred = "krt_prefsrc = \(address); "
    }
    var text = """

      protocol direct connected\(number) { \(channel) { import \(except(own)); }; }
      protocol kernel kernel\(number) {
        learn;
        persist;
        graceful restart;
        merge paths;
        scan time 20;
        metric \(metric);
        \(channel) {
          import \(except(own));
          export filter { if source != RTS_BGP then reject; \(preferred)accept; };
        };
      }

      """
    // What nobody is told is not there, so that its changes are none of BIRD's.
    let told = speaker.sessions.reduce(into: Set<BGPAdvertisement>()) { $0.formUnion($1.advertise) }
    let announced: [(String, [Prefix], Bool)] = [
      ("pods", speaker.podRanges, true), ("services", speaker.serviceRanges, told.contains(.clusterRange)),
      ("balancers", speaker.services.loadBalancers.map { Prefix(host: $0) }, told.contains(.loadBalancers)),
      ("external", speaker.services.externalIPs.map { Prefix(host: $0) }, told.contains(.externalIPs)),
    ]
    for (name, prefixes, isTold) in announced where isTold {
      let routes = Array(Set(prefixes)).filter { $0.family == family }.sorted()
      if routes.isEmpty { continue }
      text += "protocol static \(name)\(number) {\n  \(channel);\n"
      for route in routes { text += "  route \(route) blackhole;\n" }
      text += "}\n"
    }
    return text
  }

  /// The prefixes that are the cluster's own, and never a way to a next hop.
  private static func own(_ speaker: BGPSpeaker, _ family: IPFamily) -> [Prefix] {
    let prefixes = speaker.podRanges + speaker.clusterPodRanges + speaker.serviceRanges
    return Array(Set(prefixes)).filter { $0.family == family }.sorted()
  }

  private static func set(_ prefixes: [Prefix]) -> String {
    "[ " + prefixes.map { "\($0)+" }.joined(separator: ", ") + " ]"
  }

  private static func except(_ prefixes: [Prefix]) -> String {
    prefixes.isEmpty ? "all" : "where !(net ~ \(set(prefixes)))"
  }

  // MARK: sessions

  private static func session(_ session: BGPSession, _ speaker: BGPSpeaker) -> String {
    var lines = [
      "local \(session.local) port \(session.localPort) as \(session.localAS);",
      "neighbor \(session.remote) port \(session.remotePort) as \(session.remoteAS);",
    ]
    switch session.multihop {
    case nil: break
    case 0?: lines.append("multihop;")
    case let hops?: lines.append("multihop \(hops);")
    }
    if let password = session.password { lines.append("password \"\(password.text)\";") }
    if case .reflectorClient = session.role, session.isInternal { lines.append("rr client;") }
    if let id = speaker.clusterID, session.isInternal { lines.append("rr cluster id \(id);") }
    lines += [
      "hold time \(speaker.holdTime);",
      "graceful restart;",
      "connect delay time 1;",
      "connect retry time 10;",
      "error wait time 1, 30;",
      "error forget time 60;",
    ]
    for channel in session.channels { lines += Self.channel(channel, session, speaker) }
    let body = lines.map { "  \($0)\n" }.joined()
    return "\nprotocol bgp '\(session.name)' {\n\(body)}\n"
  }

  private static func channel(_ channel: BGPSession.Channel, _ session: BGPSession, _ speaker: BGPSpeaker) -> [String] {
    let family = channel.family
    var lines = ["\(family.channel) {"]
    switch session.role {
    case .node, .reflectorClient, .reflectorPeer:
      let believed = speaker.clusterPodRanges.filter { $0.family == family }
      lines.append(
        "  import \(speaker.clusterPodRanges.isEmpty ? "all" : believed.isEmpty ? "none" : "where net ~ \(set(believed))");"
      )
      let reflected = session.role.isReflected ? " || proto ~ \"node.*\"" : ""
      lines.append("  export where proto = \"pods\(family.number)\"\(reflected);")
      // Between autonomous systems too a reflector is no hop on the way.
      if session.role.isReflected && !session.isInternal { lines.append("  next hop keep;") }
    case .external:
      lines.append("  import filter { \(importBody(session, speaker, family)) };")
      lines.append("  export filter { \(exportBody(session, family)) };")
    }
    if let nextHop = channel.nextHop { lines.append("  next hop address \(nextHop);") }
    if channel.hasExtendedNextHop { lines.append("  extended next hop;") }
    return lines + ["};"]
  }

  private static func importBody(_ session: BGPSession, _ speaker: BGPSpeaker, _ family: IPFamily) -> String {
    let refused = (speaker.podRanges + speaker.serviceRanges).filter { $0.family == family }.sorted()
    var body = refused.isEmpty ? "" : "if net ~ \(set(refused)) then reject; "
    if let accept = session.accept {
      let accepted = accept.filter { $0.family == family }.sorted()
      if accepted.isEmpty { return "reject;" }
      body += "if !(net ~ \(set(accepted))) then reject; "
    }
    return body + "accept;"
  }

  private static func exportBody(_ session: BGPSession, _ family: IPFamily) -> String {
    let number = family.number
    let conditions = session.advertise.sorted { $0.rawValue < $1.rawValue }.flatMap { advertisement in
      switch advertisement {
      case .pods: ["proto = \"pods\(number)\""]
      case .allPods: ["proto = \"pods\(number)\"", "proto ~ \"node.*\""]
      case .clusterRange: ["proto = \"services\(number)\""]
      case .loadBalancers: ["proto = \"balancers\(number)\""]
      case .externalIPs: ["proto = \"external\(number)\""]
      }
    }
    if conditions.isEmpty { return "reject;" }
    var body = "if !(\(conditions.joined(separator: " || "))) then reject; "
    for community in session.communities {
      switch community {
      case .standard(let high, let low): body += "bgp_community.add((\(high), \(low))); "
      case .large(let first, let second, let third):
        body += "bgp_large_community.add((\(first), \(second), \(third))); "
      }
    }
    return body + "accept;"
  }
}

extension BGPSession.Role {
  /// The other end is told what other nodes said.
  var isReflected: Bool {
    switch self {
    case .reflectorClient, .reflectorPeer: true
    case .node, .external: false
    }
  }
}

extension IPFamily {
  fileprivate var number: String { self == .v4 ? "4" : "6" }
  fileprivate var channel: String { self == .v4 ? "ipv4" : "ipv6" }
}
