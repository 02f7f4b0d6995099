import Addressing
import ClusterModel
import Glibc
import JSON
import Linux
import NodeRouting
import Testing

/// A router outside that is none of ours: GoBGP, with a password (RFC 2385).
@Suite(.serialized) struct BGPPeerKernelTests {
  private let network: BGPTestNetwork

  init() throws {
    network = try BGPTestNetwork([1, 2].map { bgpNode($0) }, configuration: Self.configuration("right"))
    try Files.write("\(network.root)/right", "correct horse\n")
    try Files.write("\(network.root)/wrong", "battery staple\n")
    try network.write(configuration(password: "right"))
    try Files.write(
      "\(network.root)/gobgpd.toml",
      """
      [global.config]
        as = 65000
        router-id = "192.168.77.1"
      \([11, 12].map { """
        [[neighbors]]
          [neighbors.config]
            neighbor-address = "192.168.77.\($0)"
            peer-as = 64512
            auth-password = "correct horse"
          [neighbors.timers.config]
            connect-retry = 2
          [[neighbors.afi-safis]]
            [neighbors.afi-safis.config]
              afi-safi-name = "ipv4-unicast"
          [[neighbors.afi-safis]]
            [neighbors.afi-safis.config]
              afi-safi-name = "ipv6-unicast"

        """ }.joined())
      """)
    try network.outside(
      ["gobgpd", "-f", "\(network.root)/gobgpd.toml", "--api-hosts", "127.0.0.1:50051"], output: "gobgpd.log")
  }

  private static func configuration(_ password: String, root: String = "/nowhere", more: String = "") -> String {
    """
    advertise: [pods, clusterRange, loadBalancers]
    communities: ["64512:100", "64512:1:2"]
    peers:
    - name: tor
      address: 192.168.77.1
      as: 65000
      families: [IPv4, IPv6]
      \(password.isEmpty ? "" : "passwordFile: \(root)/\(password)")
    \(more)
    """
  }

  private func configuration(password: String, more: String = "") -> String {
    Self.configuration(password, root: network.root, more: more)
  }

  private func announce(_ services: [ServiceWithEndpoints]) {
    for (index, backend) in network.backends.enumerated() {
      backend.announce(BGPServiceAddresses(of: services, node: network.peers[index].node, labels: [:]))
    }
  }

  /// What GoBGP has learned: by prefix, the next hops.
  private func seen(_ family: String) throws -> [String: Set<String>] {
    let result = try BGPTestNetwork.run("gobgp global rib -a \(family) -j", in: network.fabric)
    guard let json = try? JSON(parsing: result.standardOutput) else { return [:] }
    var found: [String: Set<String>] = [:]
    for (prefix, paths) in json.members {
      for path in paths.elements {
        for attribute in path["attrs"].elements {
          if let hop = attribute["nexthop"].string { found[prefix, default: []].insert(hop) }
        }
      }
    }
    return found
  }

  @Test func whatIsAnnouncedArrivesAtAnIndependentPeer() throws {
    announce([
      balancer("web", ["203.0.113.1"], isLocal: false, endpoints: []),
      balancer("here", ["203.0.113.2"], isLocal: true, endpoints: [("n2", true)]),
    ])
    try network.start()
    let both: Set<String> = ["192.168.77.11", "192.168.77.12"]
    #expect(try eventually { try seen("ipv4")["10.96.0.0/16"] == both }, "ClusterIP range from both nodes")
    let routes = try seen("ipv4")
    #expect(routes["10.244.1.0/24"] == ["192.168.77.11"] && routes["10.244.2.0/24"] == ["192.168.77.12"])
    #expect(routes["203.0.113.1/32"] == both)
    #expect(routes["203.0.113.2/32"] == ["192.168.77.12"], "only where an endpoint is")
    #expect(
      Set(routes.keys) == [
        "10.96.0.0/16", "10.244.1.0/24", "10.244.2.0/24", "203.0.113.1/32", "203.0.113.2/32",
      ], "ranges whole, and nothing else")
    #expect(try eventually { try seen("ipv6")["fd00:10:244:1::/64"] == ["fd77::11"] }, "IPv6 over an IPv4 session")
    let rib = try BGPTestNetwork.run("gobgp global rib 10.244.1.0/24", in: network.fabric).output
    #expect(rib.contains("64512:100") && rib.contains("64512:1:2"))

    // The endpoint moves: the address follows it.
    announce([balancer("here", ["203.0.113.2"], isLocal: true, endpoints: [("n1", true)])])
    for index in 0...1 { #expect(try network.pass(index) == 1) }
    #expect(try eventually { try seen("ipv4")["203.0.113.2/32"] == ["192.168.77.11"] })
    #expect(try seen("ipv4")["203.0.113.1/32"] == nil)

    // What the router says goes into the kernel; what is the cluster's own does not.
    for route in ["198.51.100.0/24", "10.244.1.0/24", "10.96.0.0/16"] {
      try BGPTestNetwork.run("gobgp global rib add \(route) nexthop 192.168.77.1", in: network.fabric)
    }
    #expect(try eventually { try network.routes(0, "198.51.100.0/24").first?["gateway"].string == "192.168.77.1" })
    // The other node's session with this one may come later than the router's.
    #expect(try eventually { try network.learned(0) == ["10.244.2.0/24", "198.51.100.0/24"] })
    #expect(try network.routes(0, "10.244.2.0/24").first?["gateway"].string == "192.168.77.12")
    #expect(network.session(0, "peer.tor.v4")["state"].string == "Established")
  }

  @Test func aWrongPasswordIsSaid() throws {
    try network.write(configuration(password: "wrong"))
    try network.start()
    #expect(eventually { network.session(0, "peer.tor.v4")["hint"].string?.contains("differ") == true })
    #expect(network.session(0, "peer.tor.v4")["state"].string != "Established")
    #expect(!network.backends[0].status.description.contains("battery"))
    try network.write(configuration(password: ""))
    try network.pass(0)
    #expect(eventually { network.session(0, "peer.tor.v4")["hint"].string?.contains("passwordFile") == true })
    // The right one mends it without anything else being touched.
    try network.write(configuration(password: "right"))
    #expect(try network.pass(0) == 1)
    #expect(eventually { network.session(0, "peer.tor.v4")["state"].string == "Established" })
  }

  @Test func theConfigurationIsForNobodyElseToRead() throws {
    try network.start()
    let mode = try ChildProcess.run(["stat", "-c", "%a", "\(network.root)/n1/bird.conf"]).output
    #expect(mode == "600\n")
    let pid = try #require(network.backends[0].status["bird", "pid"].int)
    #expect(!(try Files.readText("/proc/\(pid)/cmdline")).contains("horse"))
    #expect(!(try Files.readText("\(network.root)/n1/bird.log")).contains("horse"))
  }

  @Test func aBadConfigurationLeavesTheOldOneInForce() throws {
    try network.start()
    #expect(eventually { network.session(0, "peer.tor.v4")["state"].string == "Established" })
    #expect(try eventually { try network.learned(0) == ["10.244.2.0/24"] })
    try network.write(configuration(password: "right", more: "holdTime: soon"))
    #expect(try network.pass(0) == 0)
    #expect(network.backends[0].problems.contains { $0.reason.contains("field holdTime: found \"soon\"") })
    #expect(network.backends[0].status["configurationError"].string?.contains("holdTime") == true)
    #expect(network.session(0, "peer.tor.v4")["state"].string == "Established")
    // Nor does an agent that starts with it do harm.
    try network.restartAgent(0)
    #expect(throws: RoutingError.self) { try network.pass(0) }
    #expect(try network.learned(0) == ["10.244.2.0/24"])
    try network.write(configuration(password: "right", more: "holdTime: 60"))
    #expect(try network.pass(0) == 1)
    #expect(network.backends[0].problems.isEmpty)
  }
}
