internal import Addressing
internal import Netlink

extension ServicesLayout {
  /// The chains of a class.
  static func chains(of one: ServiceClass) -> [NFTableDefinition.Chain] {
    switch one {
    case .pick(let pick): [self.pick(pick)]
    case .affinity: affinity
    case .learn(let seconds, let isNodePort): [learn(seconds: seconds, isNodePort: isNodePort)]
    case .keepSource: [keepSource]
    }
  }

  private static func each(_ statements: (IPFamily) -> [NFStatement]) -> [NFRule] {
    IPFamily.allCases.map { NFRule(statements($0)) }
  }

  /// A chain that chooses a slot at random. A packet may see half a transaction and miss its slot; the first one is always
  /// there.
  private static func pick(_ pick: ServiceClass.Pick) -> NFTableDefinition.Chain {
    if pick.isRestricted {
      var open = pick
      open.isRestricted = false
      let rules = each {
        [
          .match(.source($0), .destination($0), .l4Protocol, .destinationPort, inSet: SetID(.sourceRanges, $0).name),
          .goto(open.chainName),
        ]
      }
      return .init(NFChain(pick.chainName), rules + [NFRule([.drop])])
    }
    let offset = UInt32(pick.isOutside ? outsideSlot : 0)
    func frontend(_ family: IPFamily) -> [NFField] {
      (pick.isNodePort ? [] : [.destination(family)]) + [.l4Protocol, .destinationPort]
    }
    var rules: [NFRule] = []
    if pick.isSticky {
      rules += each {
        [.destinationNATMap($0, [.source($0)] + frontend($0), affinitySet($0, nodePort: pick.isNodePort))]
      }
    }
    for modulus in pick.slots == 1 ? [1] : [UInt32(pick.slots), 1] {
      rules += each {
        [
          .destinationNATMap(
            $0, frontend($0) + [.random(modulus: modulus, offset: offset)],
            SetID(pick.isNodePort ? .nodePortSlots : .slots, $0).name)
        ]
      }
    }
    return .init(NFChain(pick.chainName), rules + [NFRule([.drop])])
  }

  /// What the client of a connection asked for, after translation.
  private static func asked(_ family: IPFamily, nodePort: Bool) -> [NFField] {
    (nodePort ? [] : [.ctDestination(.original, family)]) + [.l4Protocol, .ctDestinationPort(.original)]
  }

  /// Who got whom is learned from the connection's tuple after translation: a rule that looked the answer up before would
  /// have to feed one map's result into another, which makes nft abort when it lists the table. An endpoint that is gone
  /// is forgotten and the packet dropped; the client's next one chooses anew.
  private static let affinity: [NFTableDefinition.Chain] =
    [
      .init(
        NFChain(ServiceClass.affinityChain),
        [false, true].flatMap { isNodePort in
          each {
            [
              .verdictMap(
                asked($0, nodePort: isNodePort) + [.destination($0), .destinationPort],
                SetID(isNodePort ? .liveNodePorts : .live, $0).name)
            ]
          }
        }
          + [false, true].flatMap { isNodePort in
            each {
              [
                .inSet(
                  asked($0, nodePort: isNodePort), SetID(isNodePort ? .stickyNodePorts : .sticky, $0).name,
                  inverted: false),
                .dynamicSet(
                  .delete, affinitySet($0, nodePort: isNodePort),
                  key: [.source($0)] + asked($0, nodePort: isNodePort), data: [.destination($0), .destinationPort],
                  timeout: nil),
                .drop,
              ]
            }
          })
    ]
    + [("affinity-prerouting", NFChain.Hook.prerouting), ("affinity-output", .output)].map { name, hook in
      .init(
        NFChain(name, .init(.filter, hook, priority: NFPriority.destinationNAT + 1)),
        [
          NFRule([
            .anyBit(.ctState, NFConnection.new), .anyBit(.ctStatus, NFConnection.statusDestinationNAT),
            .jump(ServiceClass.affinityChain),
          ])
        ])
    }

  private static func learn(seconds: Int, isNodePort: Bool) -> NFTableDefinition.Chain {
    .init(
      NFChain(ServiceClass.learnChain(seconds: seconds, isNodePort: isNodePort)),
      each {
        [
          .dynamicSet(
            .update, affinitySet($0, nodePort: isNodePort), key: [.source($0)] + asked($0, nodePort: isNodePort),
            data: [.destination($0), .destinationPort], timeout: UInt64(seconds) * 1000)
        ]
      })
  }

  /// Before `nat-postrouting`: a connection whose source is translated here, to itself, is not translated there.
  private static let keepSource = NFTableDefinition.Chain(
    NFChain(
      ServiceClass.keepSourceChain, .init(.nat, .postrouting, priority: NFPriority.sourceNAT - 1)),
    each { [.match(.source($0), .destination($0), inSet: SetID(.hairpin, $0).name), .return] }
      + [NFRule([.match(.sourceType, NFAddressType.local), .return])]
      + [false, true].flatMap { isNodePort in
        each {
          [
            .anyBit(.ctStatus, NFConnection.statusDestinationNAT),
            .inSet(
              asked($0, nodePort: isNodePort), SetID(isNodePort ? .keepSourceNodePorts : .keepSource, $0).name,
              inverted: false),
            .keepSource($0),
          ]
        }
      })

  static let constantChains: [NFTableDefinition.Chain] = [
    .init(
      NFChain(noEndpoints, comment: "a Service without endpoints, or another port of one"),
      [
        NFRule([.match(.l4Protocol, 6), .reject(.tcpReset)]),
        NFRule([.reject(.portUnreachable)]),
      ]),
    .init(
      NFChain("services"),
      each { [.verdictMap([.destination($0), .l4Protocol, .destinationPort], SetID(.frontends, $0).name)] }
        + each { [.match(.destination($0), inSet: SetID(.clusterAddresses, $0).name), .goto(noEndpoints)] }
        + nodePorts(.nodePorts)),
    .init(
      NFChain("outside", comment: "clients that are neither this node nor its pods"),
      each { [.verdictMap([.destination($0), .l4Protocol, .destinationPort], SetID(.outside, $0).name)] }
        + nodePorts(.outsideNodePorts)),
    .init(
      NFChain("nat-prerouting", .init(.nat, .prerouting, priority: NFPriority.destinationNAT)),
      each { [.match(.source($0), notInSet: SetID(.nodePods, $0).name), .jump("outside")] }
        + [NFRule([.jump("services")])]),
    .init(
      NFChain("nat-output", .init(.nat, .output, priority: NFPriority.destinationNAT)), [NFRule([.jump("services")])]),
    .init(
      NFChain("leftover", comment: "packets to Service addresses that were not translated"),
      each { [.match(.destination($0), inSet: SetID(.serviceRange, $0).name), .goto("unserved")] }
        + each { [.match(.destination($0), inSet: SetID(.clusterAddresses, $0).name), .goto("unserved")] }),
    .init(
      NFChain("unserved"),
      [NFRule([.match(.destinationType, NFAddressType.local), .accept], comment: "node-local DNS")]
        + each { [.match(.destination($0), inSet: SetID(.clusterAddresses, $0).name), .reject(.portUnreachable)] }
        + [NFRule([.drop])]),
    .init(
      NFChain("filter-forward", .init(.filter, .forward, priority: NFPriority.filter - 10)),
      [NFRule([.jump("leftover")])]),
    .init(
      NFChain("filter-output", .init(.filter, .output, priority: NFPriority.filter - 10)),
      [NFRule([.jump("leftover")])]),
    .init(
      NFChain("nat-postrouting", .init(.nat, .postrouting, priority: NFPriority.sourceNAT)),
      [NFRule([.anyBit(.ctStatus, NFConnection.statusDestinationNAT), .jump("translated")])]),
    .init(
      NFChain("translated", comment: "source of translated connections"),
      each {
        [.match(.source($0), .destination($0), inSet: SetID(.hairpin, $0).name), .masquerade(fullyRandom: false)]
      }
        + each { [.match(.source($0), inSet: SetID(.nodePods, $0).name), .return] }
        + [NFRule([.masquerade(fullyRandom: false)])]),
  ]

  /// `fib daddr type local ip daddr @nodeport-addresses4 meta l4proto . th dport vmap @nodeports4`.
  private static func nodePorts(_ kind: SetKind) -> [NFRule] {
    each {
      [
        .match(.destination($0), inSet: SetID(.nodePortAddresses, $0).name),
        .match(.destinationType, NFAddressType.local),
        .verdictMap([.l4Protocol, .destinationPort], SetID(kind, $0).name),
      ]
    }
  }
}
