import Addressing
import JSON
import Linux
import Netlink
import Testing

@testable import ClusterDNS

/// A node and a pod behind it, each a namespace; the name server answers at an address no interface has.
@Suite(.serialized) struct DNSInterceptionKernelTests {
  let node: NetworkNamespace
  let pod: NetworkNamespace
  let address = IPAddress("10.96.0.10")!

  init() throws {
    node = try NetworkNamespace.create()
    pod = try NetworkNamespace.create()
    let routes = try RouteSocket(namespace: node)
    let podRoutes = try RouteSocket(namespace: pod)
    try routes.perform(
      .addLink(.veth(peer: .init(name: "eth0"), in: pod), .init(name: "pod", isUp: true)))
    try podRoutes.perform([.setLink(.name("eth0"), .init(isUp: true)), .setLink(.name("lo"), .init(isUp: true))])
    try routes.perform(.setLink(.name("lo"), .init(isUp: true)))
    let outside = try #require(try routes.link(.name("pod"))).index
    let inside = try #require(try podRoutes.link(.name("eth0"))).index
    try routes.perform(.addAddress(.init(interface: outside, IPAddress("10.244.1.1")!, prefixLength: 24)))
    try podRoutes.perform([
      .addAddress(.init(interface: inside, IPAddress("10.244.1.2")!, prefixLength: 24)),
      .addRoute(Route(Prefix("0.0.0.0/0")!, gateway: IPAddress("10.244.1.1")!, interface: inside)),
    ])
    // Something that tracks connections, so that the absence of an entry means something.
    _ = try ChildProcess.run(
      [
        "nft",
        "add table inet t; add chain inet t c { type filter hook prerouting priority 0; }; add rule inet t c ct state new accept",
      ],
      namespace: node)
  }

  private func dig(_ arguments: String..., from namespace: NetworkNamespace) throws -> String {
    try ChildProcess.run(
      ["dig", "@\(address)", "+short", "+tries=1", "+timeout=1"] + arguments, namespace: namespace
    ).output
  }

  private func server() throws -> DNSServer {
    var configuration = DNSServer.Configuration(listen: [AddressAndPort(address, 53)])
    configuration.networkNamespace = node
    configuration.isFreeBind = true
    configuration.clusterDomain = nil
    let server = try DNSServer(configuration)
    try server.serveStatic(["a.example": [IPAddress("192.0.2.7")!]])
    try server.start()
    return server
  }

  @Test func podsAndTheNodeReachTheServerUntracked() throws {
    let interception = try DNSInterception([address], namespace: node)
    #expect(try interception.ensure())
    #expect(try interception.ensure() == false, "a second pass writes nothing")
    let server = try server()
    defer { server.stop() }
    for namespace in [pod, node] {
      #expect(try dig("a.example", from: namespace) == "192.0.2.7\n")
      #expect(try dig("+tcp", "a.example", from: namespace) == "192.0.2.7\n")
    }
    let tracked = try ChildProcess.run(["conntrack", "-L"], namespace: node).output
    #expect(!tracked.contains("10.96.0.10"), "\(tracked)")
    let listing = try ChildProcess.run(["nft", "list", "table", "inet", "swiftlet-dns"], namespace: node).output
    #expect(
      listing.contains("ip daddr 10.96.0.10 meta l4proto { 6, 17 } th dport 53 notrack")
        || listing.contains("ip daddr 10.96.0.10 meta l4proto { tcp, udp } th dport 53 notrack"), "\(listing)")
    #expect(
      try ChildProcess.run(["ip", "route", "show", "table", "local", "proto", "87"], namespace: node).output
        .contains("local 10.96.0.10 dev lo"))
  }

  @Test func whatOthersDeleteIsRepaired() throws {
    let interception = try DNSInterception([address], namespace: node)
    try interception.ensure()
    _ = try ChildProcess.run(["nft", "flush", "ruleset"], namespace: node)
    #expect(try interception.ensure())
    _ = try ChildProcess.run(["ip", "route", "flush", "table", "local", "proto", "87"], namespace: node)
    #expect(try interception.ensure())
    let server = try server()
    defer { server.stop() }
    #expect(try dig("a.example", from: pod) == "192.0.2.7\n")
  }

  @Test func removalLeavesNothing() throws {
    let interception = try DNSInterception([address], namespace: node)
    try interception.ensure()
    try interception.remove()
    #expect(try !ChildProcess.run(["nft", "list", "ruleset"], namespace: node).output.contains("swiftlet"))
    #expect(
      try ChildProcess.run(["ip", "route", "show", "table", "local", "proto", "87"], namespace: node).output == "")
  }
}
