import Addressing
import Glibc
import Linux
import Netlink
import Testing

/// What was written is read back equal; what others do is noticed.
@Suite(.serialized) struct NFTablesReadingKernelTests {
  static let definition = NFTableDefinition(
    NFTable(.inet, "mine", comment: "layout 1"),
    sets: [
      NFSet("pods", key: [.ipv4Address], flags: [.interval], comment: "here"),
      NFSet("fronts", key: [.ipv6Address, .inetProtocol], value: .verdict),
      NFSet(
        "slots", typeof: [.destination(.v4), .random(modulus: 65536)], data: [.destination(.v4), .destinationPort]),
    ],
    chains: [
      .init(NFChain("one"), [NFRule([.counter, .drop]), NFRule([.match(.l4Protocol, anyOf: [6, 17]), .accept])]),
      .init(NFChain("two", .init(.nat, .prerouting, priority: -100)), [NFRule([.jump("one")], comment: "x")]),
      .init(NFChain("three", .init(.filter, .forward, priority: -10, policy: .drop))),
    ])

  @Test func signatureIsThatOfTheDefinitionUntilSomeoneEdits() throws {
    let test = try TestNamespace("signature")
    let socket = try NFTablesSocket(namespace: test.namespace)
    #expect(try socket.signature(of: Self.definition.table) == nil)
    var batch = NFTablesBatch()
    batch.add(Self.definition)
    try socket.commit(batch)
    #expect(try socket.signature(of: Self.definition.table) == Self.definition.signature)

    for edit in [
      "add rule inet mine one accept", "add chain inet mine extra", "delete set inet mine pods",
      "add set inet mine more { type mark\\; }", "chain inet mine three { policy accept\\; }",
    ] {
      var again = NFTablesBatch()
      again.ensureAbsent(Self.definition.table)
      again.add(Self.definition)
      try socket.commit(again)
      #expect(try socket.signature(of: Self.definition.table) == Self.definition.signature)
      #expect(test.run("nft \(edit)") == "")
      #expect(try socket.signature(of: Self.definition.table) != Self.definition.signature, "\(edit)")
    }
    // A rule with the same text written by nft is not ours.
    test.run("nft list ruleset > /tmp/\(test.name); nft flush ruleset; nft -f /tmp/\(test.name); rm /tmp/\(test.name)")
    #expect(try socket.signature(of: Self.definition.table) != Self.definition.signature)
  }

  @Test func elementsReadBackEqual() throws {
    let test = try TestNamespace("elements")
    let socket = try NFTablesSocket(namespace: test.namespace)
    var batch = NFTablesBatch()
    batch.add(Self.definition)
    var front = NFKey()
    front.append(IPAddress("fd00::a")!)
    front.append(transport: 17)
    let fronts = [NFElement(front.bytes, .verdict(.goto("one")), comment: "ns/svc")]
    batch.add(fronts, to: "fronts", of: Self.definition.table)
    // More than one message holds, and more than one datagram of the answer.
    let slots = (0..<20_000 as Range<UInt32>).map { index in
      var key = NFKey()
      key.append(IPAddress(.v4, number: UInt128(0x0A60_0000 + index / 4)))
      key.append(hostOrder: index % 4)
      var data = NFKey()
      data.append(IPAddress(.v4, number: UInt128(0x0AF4_0000 + index)))
      data.append(port: 8080)
      return NFElement(key.bytes, .data(data.bytes))
    }
    batch.add(slots, to: "slots", of: Self.definition.table)
    let pods = NFElement.interval(Prefix("10.244.1.0/24")!)
    batch.add(pods, to: "pods", of: Self.definition.table)
    try socket.commit(batch)

    #expect(try socket.elements(of: "fronts", in: Self.definition.table) == fronts)
    // The kernel spreads a hash that has grown after the transaction has ended; a dump meanwhile may pass over elements.
    var read = Set(try socket.elements(of: "slots", in: Self.definition.table))
    for _ in 0..<50 where read != Set(slots) {
      usleep(100_000)
      read = Set(try socket.elements(of: "slots", in: Self.definition.table))
    }
    #expect(read == Set(slots))
    #expect(Set(try socket.elements(of: "pods", in: Self.definition.table)) == Set(pods))
    #expect(test.run("nft list map inet mine slots").split(separator: "\n").count == 20_000 + 5)
  }

  @Test func changesOfOthersAreAnnouncedAndOursAreNot() throws {
    let test = try TestNamespace("events")
    let socket = try NFTablesSocket(namespace: test.namespace)
    let events = try NFTablesEvents(namespace: test.namespace, ignoring: [socket.port])
    var batch = NFTablesBatch()
    batch.add(Self.definition)
    try socket.commit(batch)
    #expect(try events.receive(wait: false) == [])
    let generation = try socket.generation()

    test.run("nft flush ruleset")
    var seen: [NFTablesEvent] = []
    while true {
      let more = try events.receive(wait: false)
      if more.isEmpty { break }
      seen += more
    }
    #expect(seen.contains(.changed(family: .inet, table: "mine")))
    guard case .committed(let id, _, let name)? = seen.last else {
      Issue.record("no end of transaction in \(seen)")
      return
    }
    #expect(name == "nft")
    #expect(id == generation &+ 1)
  }

  @Test func commitIsRefusedAtAnotherGeneration() throws {
    let test = try TestNamespace("generation")
    let socket = try NFTablesSocket(namespace: test.namespace)
    var batch = NFTablesBatch()
    batch.add(NFTable(.inet, "a"))
    let generation = try socket.generation()
    #expect(throws: NFTablesError.self) { try socket.commit(batch, generation: generation &+ 5) }
    try socket.commit(batch, generation: generation)
    #expect(try socket.generation() == generation &+ 1)
  }
}
