import Addressing
import Netlink
import Testing

/// Entries made by conntrack(8), listed and deleted by our codec.
@Suite(.serialized) struct ConntrackKernelTests {
  private static func namespace() throws -> TestNamespace {
    let test = try TestNamespace("conntrack")
    for (transport, port, endpoint) in [("udp", 53, 5), ("udp", 53, 6), ("udp", 54, 5), ("tcp", 53, 5)] {
      let state = transport == "tcp" ? "--state ESTABLISHED" : ""
      test.run(
        "conntrack -I -p \(transport) -s 10.0.0.\(endpoint) -d 10.96.0.10 --sport 40000 --dport \(port) \(state) "
          + "-r 10.244.0.\(endpoint) -q 10.0.0.\(endpoint) --reply-port-src \(port + 5300) --reply-port-dst 40000 --timeout 100"
      )
    }
    test.run(
      "conntrack -I -p udp -s fd00::1 -d fd00::96 --sport 1 --dport 53 -r fd00::244 -q fd00::1 --reply-port-src 53 --reply-port-dst 1 --timeout 100"
    )
    return test
  }

  static let cases: [(ConntrackFilter, Int)] = [
    (ConntrackFilter(.v4), 4),
    (ConntrackFilter(.v6), 1),
    (ConntrackFilter(.v4, transport: 17), 3),
    (ConntrackFilter(.v4, transport: 17, originalDestination: IPAddress("10.96.0.10")!), 3),
    (ConntrackFilter(.v4, transport: 17, originalDestinationPort: 53), 2),
    (ConntrackFilter(.v4, replySource: IPAddress("10.244.0.5")!), 3),
    (ConntrackFilter(.v4, originalSource: IPAddress("10.0.0.6")!, replySourcePort: 5353), 1),
    (ConntrackFilter(.v4, originalDestination: IPAddress("10.96.0.11")!), 0),
    (ConntrackFilter(.v6, transport: 17, originalDestination: IPAddress("fd00::96")!), 1),
  ]

  @Test func listsAndDeletesByFilter() throws {
    let test = try Self.namespace()
    #expect(
      test.run("conntrack -L -f ipv4 2>/dev/null").split(separator: "\n").count == 4, "\(test.run("conntrack -L"))")
    let socket = try ConntrackSocket(namespace: test.namespace)
    for (filter, count) in Self.cases {
      #expect(try socket.flows(filter).count == count, "\(filter)")
    }
    let filter = ConntrackFilter(
      .v4, transport: 17, originalDestination: IPAddress("10.96.0.10")!, originalDestinationPort: 53,
      replySource: IPAddress("10.244.0.5")!)
    let flows = try socket.flows(filter)
    #expect(
      flows.first?.reply
        == ConntrackTuple(
          source: IPAddress("10.244.0.5")!, destination: IPAddress("10.0.0.5")!, transport: 17, sourcePort: 5353,
          destinationPort: 40000))
    #expect(try socket.delete(flows) == 1)
    // Deleting what is gone is no error.
    #expect(try socket.delete(flows) == 0)
    let left = test.run("conntrack -L -f ipv4 2>/dev/null")
    #expect(left.split(separator: "\n").count == 3)
    #expect(
      !left.split(separator: "\n").contains {
        $0.contains("udp") && $0.contains("10.0.0.5") && $0.contains("dport=53 ")
      })
    #expect(left.contains("tcp"))
    #expect(try socket.delete(socket.flows(ConntrackFilter(.v6))) == 1)
    #expect(test.run("conntrack -L -f ipv6 2>/dev/null") == "")
  }
}
