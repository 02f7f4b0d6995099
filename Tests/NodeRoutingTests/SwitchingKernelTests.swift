import Addressing
import ClusterModel
import Glibc
import JSON
import Linux
import Netlink
import NodeRouting
import Synchronization
import Testing

/// A cluster changes its mode node by node while pods talk.
@Suite(.serialized) struct SwitchingKernelTests {
  @Test(arguments: [
    (RoutingMode.vxlan, RoutingMode.hostGateway), (.hostGateway, .vxlan), (.vxlan, .crossSubnet),
    (.crossSubnet, .vxlan),
  ])
  func podsTalkThroughout(from: RoutingMode, to: RoutingMode) throws {
    let fabric = try Fabric()
    for number in 1...3 { try fabric.add(number, underlay: [.v4, .v6], pods: [.v4, .v6], mode: from) }
    try fabric.settle()
    let first = try #require(fabric.nodes["n1"])
    let target = [try #require(fabric.nodes["n2"]).pod(.v4), try #require(fabric.nodes["n3"]).pod(.v6)]
    let sources = [first.pod(.v4), first.pod(.v6)]
    // Fifty packets a second to a pod of each of the other nodes, for as long as the change takes.
    let outputs = Mutex<[String]>([])
    let namespace = first.namespace
    let threads = zip(sources, target).map { source, target in
      Thread("ping") {
        let result = try? ChildProcess.run(
          ["ping", "-i", "0.02", "-c", "60", "-W", "1", "-I", source, target], namespace: namespace)
        outputs.withLock { $0.append(result?.output ?? "") }
      }
    }
    usleep(100_000)
    for name in ["n2", "n1", "n3"] {
      let node = try #require(fabric.nodes[name])
      try node.restart(mode: to)
      try node.router.synchronize(fabric.objects)
      try fabric.publish(node)
      usleep(100_000)
      for other in fabric.nodes.values where other !== node {
        #expect(try fabric.ping(name, other.name), "\(name) to \(other.name), half way")
        #expect(try fabric.ping(other.name, name, .v6), "\(other.name) to \(name), half way")
      }
    }
    for thread in threads { thread.join() }
    for output in outputs.withLock({ $0 }) {
      #expect(output.contains("60 received"), "no packet was lost: \(output.suffix(200))")
    }
    // What the former mode made and nobody needs any more is gone after the grace.
    for node in fabric.nodes.values { try node.router.repair() }
    usleep(UInt32(fabric.linkGrace * 1_000_000) + 100_000)
    for node in fabric.nodes.values {
      try node.router.repair()
      #expect(try node.router.repair() == 0)
      let links = try fabric.oracle(node.name, "ip -j link show").compactMap { $0["ifname"].string }
      #expect(links.contains("swiftlet.1") == (to != .hostGateway), "\(links)")
      let directions = try fabric.oracle(node.name, "ip -j route show").filter { $0["protocol"].string == "87" }
      for route in directions where route["type"].string != "blackhole" {
        #expect(route["dev"].string == (to == .vxlan ? "swiftlet.1" : "eth0"))
      }
      #expect(try node.router.podMTU() == (to == .hostGateway ? 1500 : 1430))
    }
  }

  /// While a peer is of the former mode, pods' packets must fit its way too.
  @Test func theSmallestMTUCountsWhileModesMix() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number) }
    try fabric.settle()
    let first = try #require(fabric.nodes["n1"])
    try first.restart(mode: .hostGateway)
    try first.router.synchronize(fabric.objects)
    #expect(try first.router.podMTU() == 1450)
  }

  /// Strict reverse path filtering of the machine does not cut a tunnel that packets come in by and leave not.
  @Test func strictReversePathFilteringIsSurvived() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number) }
    for node in fabric.nodes.values { try Sysctl.write("net/ipv4/conf/all/rp_filter", "1", in: node.namespace) }
    try fabric.settle()
    #expect(try fabric.ping("n1", "n2"))
    let second = try #require(fabric.nodes["n2"])
    // Packets from n2 come to n1 in the tunnel, those to n2 leave as they are.
    try second.restart(mode: .hostGateway)
    try second.router.synchronize(fabric.objects)
    try fabric.publish(second)
    #expect(try fabric.oracle("n1", "ip -j route show 10.244.2.0/24").first?["dev"].string == "eth0")
    #expect(try fabric.oracle("n2", "ip -j route show 10.244.1.0/24").first?["dev"].string == "swiftlet.1")
    #expect(try fabric.run("n1", "ping -c 1 -W 1 192.168.1.2").status.isSuccess)
    // n2's own link is the machine's: it is named, not changed.
    #expect(second.router.problems.contains { $0.node == "n2" && $0.reason.contains("conf.eth0.rp_filter=2") })
    #expect(try fabric.ping("n1", "n2", tries: 1) == false)
    try Sysctl.write("net/ipv4/conf/all/rp_filter", "2", in: second.namespace)
    #expect(try fabric.ping("n1", "n2"))
    #expect(second.router.problems.isEmpty)
  }

  /// Damage done by others is repaired because the kernel tells of it, not because time passes.
  @Test(arguments: [
    "ip route del 10.244.2.0/24", "ip link del swiftlet.1",
    "bridge fdb del \(VTEP.mac(of: "n2", underlay: .v4)) dev swiftlet.1 dst 192.168.1.2 self",
    "ip neigh del 10.244.2.0 dev swiftlet.1", "ip link set swiftlet.1 down", "ip link set eth0 mtu 1400",
    "ip addr add 192.168.1.77/24 dev eth0", "ip route replace 10.244.2.0/24 via 192.168.1.254",
    "ip route del blackhole 10.244.1.0/24 metric 8192",
  ])
  func damageIsHeardOf(damage: String) throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number) }
    let first = try #require(fabric.nodes["n1"])
    let heard = Monitor(0)
    nonisolated(unsafe) let router = first.router
    let watch = try RouteWatch(
      [.links, .addresses, .routes, .neighbours], namespace: first.namespace, concerns: { router.concerns($0) },
      onChange: {
        heard.withLock { $0 += 1 }
        heard.wakeAll()
      })
    defer { watch.stop() }
    try fabric.settle()
    // What we do ourselves is no damage. (A peer that leaves and comes back before its leaving was heard of may cost a look
    // that finds nothing; so there are pauses.)
    usleep(100_000)
    let before = heard.withLock { $0 }
    try first.router.apply([("n2", nil)])
    usleep(100_000)
    try first.router.apply([("n2", try #require(fabric.nodes["n2"]).object)])
    usleep(100_000)
    #expect(heard.withLock { $0 } == before, "our own changes are none of others")
    #expect(try fabric.run("n1", damage).status.isSuccess)
    #expect(heard.wait(timeout: 5) { $0 > before ? true : nil } == true, "\(damage) was not heard of")
    try first.router.repair()
    #expect(try fabric.ping("n1", "n2"))
  }
}
