import Addressing
import Linux
import Netlink
import Testing

/// Rule sets written by our encoder, read back by nft.
@Suite(.serialized) struct NFTablesKernelTests {
  static let table = NFTable(.inet, "t", comment: "of a test")

  /// Statement lists beside the text nft prints for them.
  static let rules: [(String, [NFStatement], String)] = [
    ("compare", [.match(.l4Protocol, 6), .accept], "meta l4proto tcp accept"),
    ("address", [.match(.source(.v4), .address(IPAddress("10.1.2.3")!)), .drop], "ip saddr 10.1.2.3 drop"),
    ("prefix", [.match(.destination(.v4), in: Prefix("10.96.0.0/16")!), .return], "ip daddr 10.96.0.0/16 return"),
    ("odd prefix", [.match(.destination(.v4), in: Prefix("10.96.0.0/13")!), .return], "ip daddr 10.96.0.0/13 return"),
    ("prefix6", [.match(.source(.v6), notIn: Prefix("fd00::/8")!), .drop], "ip6 saddr != fd00::/8 drop"),
    ("interface", [.match(.inputInterface, "cni0"), .accept], #"iifname "cni0" accept"#),
    ("port", [.match(.l4Protocol, 17), .match(.destinationPort, 53), .notrack], "udp dport 53 notrack"),
    ("ports", [.match(.l4Protocol, 6), .ports(.destinationPort, 80...90), .accept], "tcp dport 80-90 accept"),
    ("any th port", [.match(.destinationPort, 53), .accept], "th dport 53 accept"),
    (
      "state", [.anyBit(.ctState, NFConnection.established | NFConnection.related), .accept],
      "ct state established,related accept"
    ),
    ("invalid", [.anyBit(.ctState, NFConnection.invalid), .drop], "ct state invalid drop"),
    ("status", [.anyBit(.ctStatus, NFConnection.statusDestinationNAT), .jump("other")], "ct status dnat jump other"),
    (
      "generation", [.match(.ctMark, mask: 0xFFFF_0000, equals: 0x0005_0000), .accept],
      // nft 1.0.6 prints its own rule like this, too.
      "ct mark 0x00050000/16 accept"
    ),
    (
      "stamp", [.setConnectionMark(keeping: 0x0000_FFFF, or: 0x0005_0000)],
      "ct mark set ct mark & 0x0005ffff | 0x00050000"
    ),
    ("mark", [.setMetaMark(mask: 0, xor: 0x10)], "meta mark set 0x00000010"),
    ("fib", [.match(.destinationType, NFAddressType.local), .accept], "fib daddr type local accept"),
    ("fib source", [.match(.sourceType, NFAddressType.local), .accept], "fib saddr type local accept"),
    ("log", [.log(group: 100, prefix: "swiftlet deny"), .drop], #"log prefix "swiftlet deny" group 100 drop"#),
    ("reset", [.match(.l4Protocol, 6), .reject(.tcpReset)], "meta l4proto tcp reject with tcp reset"),
    ("reject", [.reject(.portUnreachable)], "reject"),
    (
      "prohibited", [.reject(.administrativelyProhibited)], "reject with icmpx admin-prohibited"
    ),
    (
      "reject 4", [.match(.source(.v4), inSet: "pods"), .reject(.portUnreachable)],
      "ip saddr @pods reject with icmp port-unreachable"
    ),
    (
      "prohibited 6", [.match(.source(.v6), in: Prefix("fd00::/8")!), .reject(.administrativelyProhibited)],
      "ip6 saddr fd00::/8 reject with icmpv6 admin-prohibited"
    ),
    ("set", [.match(.source(.v4), inSet: "pods"), .return], "ip saddr @pods return"),
    ("not in set", [.match(.source(.v4), notInSet: "pods"), .return], "ip saddr != @pods return"),
    (
      "concatenation", [.match(.source(.v4), .destination(.v4), inSet: "pairs"), .counter, .accept],
      "ip saddr . ip daddr @pairs counter packets 0 bytes 0 accept"
    ),
    (
      "verdict map", [.verdictMap([.destination(.v4), .l4Protocol, .destinationPort], "frontends")],
      "ip daddr . meta l4proto . th dport vmap @frontends"
    ),
    (
      "tuple",
      [
        .match(.l4Protocol, 6), .match(.ctSource(.original, .v4), inSet: "pods"), .match(.ctSourcePort(.reply), 8080),
        .accept,
      ],
      "meta l4proto tcp ct original ip saddr @pods ct reply proto-src 8080 accept"
    ),
    (
      "tuple pair",
      [.match(.ctSource(.original, .v4), .ctSource(.reply, .v4), inSet: "pairs"), .return],
      "ct original ip saddr . ct reply ip saddr @pairs return"
    ),
    (
      "anonymous set", [.match(.l4Protocol, anyOf: [6, 17]), .match(.destinationPort, 53), .accept],
      "meta l4proto { tcp, udp } th dport 53 accept"
    ),
    (
      "anonymous ranges",
      [.match(.icmpv6Type, anyOf: [.init(133, 137), .init(130, 131), 143]), .accept],
      "icmpv6 type { 130-131, 133-137, mld2-listener-report } accept"
    ),
    (
      "limit", [.limit(rate: 10, unit: 1, burst: 5), .log(group: 1, prefix: "x")],
      #"limit rate 10/second log prefix "x" group 1"#
    ),
  ]

  @Test func rulesListAsNftWritesThem() throws {
    let test = try TestNamespace("rules")
    let socket = try NFTablesSocket(namespace: test.namespace)
    var batch = NFTablesBatch()
    batch.replace(Self.table)
    batch.add(NFChain("other"), to: Self.table)
    for chain in ["c", "n"] {
      batch.add(NFChain(chain, .init(.filter, .prerouting, priority: -300), comment: "all rules"), to: Self.table)
    }
    batch.add(NFSet("pods", key: [.ipv4Address], comment: "pods here"), to: Self.table)
    batch.add(NFSet("pairs", key: [.ipv4Address, .ipv4Address]), to: Self.table)
    batch.add(
      NFSet("frontends", key: [.ipv4Address, .inetProtocol, .inetService], value: .verdict), to: Self.table)
    for (name, statements, _) in Self.rules { batch.add(NFRule(statements, comment: name), to: "c", of: Self.table) }
    try socket.commit(batch)

    let listing = test.run("nft list chain inet t c")
    for (name, _, text) in Self.rules {
      #expect(listing.contains("\t\t\(text) comment \"\(name)\"\n"), "\(name)\n\(listing)")
    }
    // What nft lists, nft loads, and lists the same again.
    let all = test.run("nft list ruleset")
    #expect(test.run("nft flush ruleset; nft -f -", input: all) == "")
    #expect(test.run("nft list ruleset") == all)
  }

  @Test func natChainsSetsAndElements() throws {
    let test = try TestNamespace("nat")
    let socket = try NFTablesSocket(namespace: test.namespace)
    let services = NFTable(.inet, "services")
    var batch = NFTablesBatch()
    batch.add(services)
    for (family, suffix) in [(IPFamily.v4, "4"), (.v6, "6")] {
      batch.add(
        NFSet(
          "frontends\(suffix)", key: [.address(family), .inetProtocol, .inetService], value: .verdict,
          comment: "address . protocol . port"), to: services)
      batch.add(
        NFSet(
          "slots\(suffix)", typeof: [.destination(family), .l4Protocol, .destinationPort, .random(modulus: 65536)],
          data: [.destination(family), .destinationPort]), to: services)
      batch.add(NFSet("ranges\(suffix)", key: [.address(family)], flags: [.interval]), to: services)
    }
    batch.add(
      NFSet("affinity", key: [.ipv4Address], flags: [.dynamic], size: 1000, timeout: 10_000), to: services)
    batch.add(
      NFSet("blocks", key: [.ipv4Address, .inetService], flags: [.interval]), to: services)
    batch.add(NFChain("pick-3"), to: services)
    batch.add(NFChain("nat", .init(.nat, .prerouting, priority: -100)), to: services)
    batch.add(NFChain("post", .init(.nat, .postrouting, priority: 100)), to: services)
    for (family, suffix) in [(IPFamily.v4, "4"), (.v6, "6")] {
      for modulus in [3, 1] as [UInt32] {
        batch.add(
          NFRule([
            .destinationNATMap(
              family, [.destination(family), .l4Protocol, .destinationPort, .random(modulus: modulus)],
              "slots\(suffix)")
          ]), to: "pick-3", of: services)
      }
      batch.add(
        NFRule([.verdictMap([.destination(family), .l4Protocol, .destinationPort], "frontends\(suffix)")]),
        to: "nat", of: services)
    }
    batch.add(
      NFRule([.dynamicSet(.update, "affinity", key: [.source(.v4)], data: [], timeout: 5000)]), to: "nat",
      of: services)
    batch.add(NFRule([.match(.l4Protocol, 6), .redirect(port: 8080)]), to: "nat", of: services)
    batch.add(
      NFRule([.match(.l4Protocol, 6), .destinationNAT(IPAddress("fd00::1")!, port: 80)]), to: "nat", of: services)
    batch.add(
      NFRule([.match(.source(.v4), inSet: "ranges4"), .masquerade(fullyRandom: true)]), to: "post", of: services)
    batch.add(NFRule([.sourceNAT(IPAddress("192.0.2.1")!, fullyRandom: false)]), to: "post", of: services)

    var key = NFKey()
    key.append(IPAddress("10.96.0.10")!)
    key.append(transport: 6)
    key.append(port: 80)
    batch.add(
      [NFElement(key.bytes, .verdict(.goto("pick-3")), comment: "default/web:http")], to: "frontends4", of: services)
    for slot in 0..<3 as Range<UInt32> {
      var slotKey = key
      slotKey.append(hostOrder: slot)
      var data = NFKey()
      data.append(IPAddress("10.244.0.\(slot + 5)")!)
      data.append(port: 8080)
      batch.add([NFElement(slotKey.bytes, .data(data.bytes))], to: "slots4", of: services)
    }
    batch.add(
      NFElement.interval(Prefix("10.0.0.0/8")!) + NFElement.interval(Prefix("192.168.0.0/16")!),
      to: "ranges4", of: services)
    batch.add(NFElement.interval(Prefix("ff00::/8")!), to: "ranges6", of: services)
    var (low, high) = (NFKey(), NFKey())
    low.append(IPAddress("10.0.0.0")!)
    low.append(port: 80)
    high.append(IPAddress("10.0.0.255")!)
    high.append(port: 90)
    batch.add([NFElement(low.bytes, to: high.bytes)], to: "blocks", of: services)
    try socket.commit(batch)

    let listing = test.run("nft list ruleset")
    for text in [
      "typeof ip daddr . meta l4proto . th dport . numgen random mod 65536 : ip daddr . th dport",
      "10.96.0.10 . tcp . 80 . 0 : 10.244.0.5 . 8080", "10.96.0.10 . tcp . 80 . 2 : 10.244.0.7 . 8080",
      "10.96.0.10 . tcp . 80 comment \"default/web:http\" : goto pick-3",
      "dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 3 map @slots4",
      "dnat ip6 to ip6 daddr . meta l4proto . th dport . numgen random mod 1 map @slots6",
      "elements = { 10.0.0.0/8, 192.168.0.0/16 }", "elements = { ff00::/8 }", "elements = { 10.0.0.0/24 . 80-90 }",
      "update @affinity { ip saddr timeout 5s }", "redirect to :8080", "dnat ip6 to [fd00::1]:80",
      "masquerade fully-random", "snat ip to 192.0.2.1", "comment \"address . protocol . port\"",
    ] {
      #expect(listing.contains(text), "\(text)\n\(listing)")
    }
    #expect(test.run("nft flush ruleset; nft -f -", input: listing) == "")
    #expect(test.run("nft list ruleset") == listing)
    #expect(test.run("nft -j list ruleset").hasPrefix("{\"nftables\""))
  }

  @Test func errorsNameTheMessageAndTheElement() throws {
    let test = try TestNamespace("errors")
    let socket = try NFTablesSocket(namespace: test.namespace)
    var batch = NFTablesBatch()
    batch.add(Self.table)
    batch.add(NFSet("pods", key: [.ipv4Address]), to: Self.table)
    try socket.commit(batch)

    var wrong = NFTablesBatch()
    wrong.add(NFChain("fine"), to: Self.table)
    wrong.delete([NFElement([10, 0, 0, 1])], from: "pods", of: Self.table)
    let error = #expect(throws: NFTablesError.self) { try socket.commit(wrong) }
    #expect(error?.operation == "delete elements of set pods of table inet t")
    #expect(error?.element == "0a000001", "\(String(describing: error))")
    // Nothing of the batch was applied.
    #expect(!test.run("nft list ruleset").contains("fine"))

    var absent = NFTablesBatch()
    absent.add(NFRule([.jump("nowhere")]), to: "missing", of: Self.table)
    #expect(throws: NFTablesError.self) { try socket.commit(absent) }

    var gone = NFTablesBatch()
    gone.ensureAbsent(Self.table)
    gone.ensureAbsent(NFTable(.ipv6, "never-there"))
    try socket.commit(gone)
    #expect(test.run("nft list ruleset") == "")
  }
}
