internal import Addressing
internal import ClusterModel

/// What `iptables-save -c -t nat` says of connections: only the first packet of each passes table nat. Pure.
///
/// The chains of one port of a Service end in the same letters, whatever the address asked for. So hits of an endpoint are
/// known for the port, and told under the first of its frontends.
struct IPTablesCounts: Equatable {
  /// An endpoint's chain: where it leads to, and how often.
  struct Endpoint: Equatable {
    var target: Target
    var packets: UInt64
    /// The list of xt_recent that keeps its clients; nil without affinity.
    var list: String?
  }

  private(set) var frontends: [FrontendKey: UInt64] = [:]
  /// By the first frontend of the port they are of.
  private(set) var endpoints: [FrontendKey: [Endpoint]] = [:]

  init(_ output: [UInt8], _ family: IPFamily) {
    var ports: [Substring: [FrontendKey]] = [:]
    var owners: [Substring: Substring] = [:]
    var found: [Substring: Endpoint] = [:]
    for line in String(decoding: output, as: UTF8.self).split(separator: "\n") where line.hasPrefix("[") {
      let words = line.split(separator: " ")
      guard words.count > 3, words[1] == "-A", let packets = UInt64(words[0].dropFirst().prefix { $0 != ":" }) else {
        continue
      }
      let chain = words[2]
      let jump = Self.word(after: "-j", in: words) ?? ""
      if chain == "KUBE-SERVICES" || chain == "KUBE-NODEPORTS" {
        guard let key = Self.frontend(words, family), let label = Self.label(jump) else { continue }
        frontends[key, default: 0] += packets
        ports[label, default: []].append(key)
      } else if let label = Self.label(chain), jump.hasPrefix("KUBE-SEP-") {
        owners[jump] = label
      } else if chain.hasPrefix("KUBE-SEP-"), jump == "DNAT", let target = Self.target(words) {
        let list = Self.word(after: "--name", in: words).map(String.init)
        found[chain] = Endpoint(target: target, packets: packets, list: list)
      }
    }
    for (chain, endpoint) in found {
      guard let first = owners[chain].flatMap({ ports[$0]?.min() }) else { continue }
      endpoints[first, default: []].append(endpoint)
    }
  }

  private static func word(after option: String, in words: [Substring]) -> Substring? {
    words.lastIndex { $0 == option }.flatMap { $0 + 1 < words.endIndex ? words[$0 + 1] : nil }
  }

  /// The last part of `KUBE-SVC-NPX46M4PTMTKRN6Y`, of a chain that belongs to a port.
  private static func label(_ chain: Substring) -> Substring? {
    ["KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-"].first { chain.hasPrefix($0) }.map { chain.dropFirst($0.count) }
  }

  /// `-d 10.96.0.1/32 -p tcp … --dport 80`; without the address a NodePort.
  private static func frontend(_ words: [Substring], _ family: IPFamily) -> FrontendKey? {
    guard let port = word(after: "--dport", in: words).flatMap({ UInt16($0) }),
      let name = word(after: "-p", in: words),
      let transport = TransportProtocol.allCases.first(where: { $0.rawValue.lowercasedASCII == name })
    else { return nil }
    guard let destination = word(after: "-d", in: words) else { return .nodePort(family, transport, port) }
    return IPAddress(String(destination.prefix { $0 != "/" })).map { FrontendKey($0, transport, port) }
  }

  /// `--to-destination 10.244.0.11:8080` or `[fd00:244::b]:8080`.
  private static func target(_ words: [Substring]) -> Target? {
    guard let place = word(after: "--to-destination", in: words), let colon = place.lastIndex(of: ":"),
      let port = UInt16(place[place.index(after: colon)...]),
      let address = IPAddress(String(place[..<colon].drop { $0 == "[" }.prefix { $0 != "]" }))
    else { return nil }
    return Target(address, port)
  }

  /// The clients in a list of xt_recent, as its file tells them: `src=10.244.0.9 ttl: 64 last_seen: …`.
  static func clients(_ text: some StringProtocol) -> [IPAddress] {
    text.split(separator: "\n").compactMap { line in
      line.hasPrefix("src=") ? IPAddress(String(line.dropFirst(4).prefix { $0 != " " })) : nil
    }
  }
}
