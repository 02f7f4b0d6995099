package import Addressing
package import Netlink

/// Table `inet swiftlet-hostports`: ports of the node that lead to pods. Chains and rules are the same however many there
/// are; a port is an element of a map, found in one lookup.
package enum HostPortsLayout {
  package static let table = NFTable(.inet, "swiftlet-hostports", comment: "host ports of pods, by swiftlet-cni")

  package enum SetKind: String, CaseIterable, Sendable {
    /// protocol . port → the pod's address . port, for every address of the node.
    case ports
    /// address . protocol . port → the same, for one address of the node.
    case addressed
    /// The pod's address twice: connections of a pod to itself.
    case hairpin
    /// The pod's address . protocol . its port.
    case targets
  }

  static func name(_ kind: SetKind, _ family: IPFamily) -> String { kind.rawValue + (family == .v4 ? "4" : "6") }

  static func set(_ kind: SetKind, _ family: IPFamily) -> NFSet {
    let address = NFDataType.address(family)
    let target = NFSet.Value.data([address, .inetService])
    let name = name(kind, family)
    switch kind {
    case .ports: return NFSet(name, key: [.inetProtocol, .inetService], value: target)
    case .addressed: return NFSet(name, key: [address, .inetProtocol, .inetService], value: target)
    case .hairpin: return NFSet(name, key: [address, address])
    case .targets: return NFSet(name, key: [address, .inetProtocol, .inetService])
    }
  }

  private static func each(_ rules: (IPFamily) -> [NFRule]) -> [NFRule] { IPFamily.allCases.flatMap(rules) }

  private static let loopback = Prefix("127.0.0.0/8")!

  /// The table without elements.
  ///
  /// Services' chains come before ours in prerouting and output (what a Service takes is none of our business) and after
  /// ours in postrouting, where they would hide the client's address. A connection that a Service translated to the same
  /// port of the pod keeps its source too: the pod is on this node, and its answers come back through it.
  package static let definition = NFTableDefinition(
    table,
    sets: IPFamily.allCases.flatMap { family in SetKind.allCases.map { set($0, family) } },
    chains: [
      .init(
        NFChain(
          "martians", .init(.filter, .prerouting, priority: NFPriority.raw),
          comment: "route_localnet, which 127.0.0.1 needs, would let neighbours in"),
        [
          NFRule([.match(.inputInterface, not: "lo"), .match(.destination(.v4), in: loopback), .drop]),
          NFRule([.match(.inputInterface, not: "lo"), .match(.source(.v4), in: loopback), .drop]),
        ]),
      .init(
        NFChain("host-ports"),
        each { family in
          [
            NFRule([
              .destinationNATMap(
                family, [.destination(family), .l4Protocol, .destinationPort], name(.addressed, family))
            ]),
            NFRule([
              .match(.destinationType, NFAddressType.local),
              .destinationNATMap(family, [.l4Protocol, .destinationPort], name(.ports, family)),
            ]),
          ]
        }),
      .init(
        NFChain("nat-prerouting", .init(.nat, .prerouting, priority: NFPriority.destinationNAT + 10)),
        [NFRule([.jump("host-ports")])]),
      .init(
        NFChain("nat-output", .init(.nat, .output, priority: NFPriority.destinationNAT + 10)),
        [NFRule([.jump("host-ports")])]),
      .init(
        NFChain("nat-postrouting", .init(.nat, .postrouting, priority: NFPriority.sourceNAT - 10)),
        [NFRule([.anyBit(.ctStatus, NFConnection.statusDestinationNAT), .jump("translated")])]),
      .init(
        NFChain("translated", comment: "clients keep their address, but for the pod itself and 127.0.0.1"),
        each { family in
          let mine = NFStatement.match(
            .destination(family), .l4Protocol, .destinationPort, inSet: name(.targets, family))
          var rules = [
            NFRule([
              mine, .match(.source(family), .destination(family), inSet: name(.hairpin, family)),
              .masquerade(fullyRandom: false),
            ])
          ]
          if family == .v4 {
            rules.append(NFRule([mine, .match(.source(.v4), in: loopback), .masquerade(fullyRandom: false)]))
          }
          return rules + [NFRule([mine, .keepSource(family)])]
        }),
    ])
}

extension HostPortEntry {
  private var target: NFElement.Value {
    var data = NFKey()
    data.append(podAddress)
    data.append(port: containerPort)
    return .data(data.bytes)
  }

  /// The elements of an entry and the sets they belong in.
  package var elements: [(set: String, element: NFElement)] {
    var key = NFKey()
    if let hostAddress { key.append(hostAddress) }
    key.append(transport: transport.rawValue)
    key.append(port: hostPort)
    var targets = NFKey()
    targets.append(podAddress)
    targets.append(transport: transport.rawValue)
    targets.append(port: containerPort)
    let comment = owner.comment
    let main: HostPortsLayout.SetKind = hostAddress == nil ? .ports : .addressed
    return [
      (HostPortsLayout.name(main, family), NFElement(key.bytes, target, comment: comment)),
      (
        HostPortsLayout.name(.hairpin, family),
        NFElement(podAddress.bytes + podAddress.bytes, comment: comment)
      ),
      (HostPortsLayout.name(.targets, family), NFElement(targets.bytes, comment: comment)),
    ]
  }

  /// Reads an element of `ports` or `addressed` back; nil for one that is none of ours.
  package init?(_ element: NFElement, _ kind: HostPortsLayout.SetKind, _ family: IPFamily) {
    let size = family.bits / 8
    var key = element.key[...]
    var address: IPAddress?
    if kind == .addressed {
      guard key.count > size, let found = IPAddress(bytes: key.prefix(size)) else { return nil }
      address = found
      key = key.dropFirst(size)
    }
    guard kind == .ports || kind == .addressed, key.count == 8, case .data(let data)? = element.value,
      data.count == size + 4, let pod = IPAddress(bytes: data[..<size]),
      let transport = PortMapping.Transport(rawValue: key[key.startIndex]),
      let owner = element.comment.flatMap(HostPortOwner.init(comment:))
    else { return nil }
    func port(_ bytes: some Collection<UInt8>) -> UInt16 { bytes.prefix(2).reduce(0) { $0 << 8 | UInt16($1) } }
    self.init(
      transport: transport, hostPort: port(key.dropFirst(4)), containerPort: port(data[size...]),
      hostAddress: address, podAddress: pod, owner: owner)
  }
}
