import Addressing
import Glibc
import JSON
import Linux
import NodeRouting
import Synchronization
import Testing

/// A cluster comes to WireGuard, and leaves it, node by node while pods talk.
@Suite(
  .serialized,
  .enabled(if: wireguardIsSupported, "this kernel has no WireGuard (CONFIG_WIREGUARD); the suite runs in qemu"))
struct WireGuardSwitchingKernelTests {
  @Test(arguments: [(RoutingMode.vxlan, RoutingMode.wireguard), (.wireguard, .vxlan)])
  func podsTalkThroughout(from: RoutingMode, to: RoutingMode) throws {
    // Longer than nodes take to hear of one another on a slow machine.
    let fabric = try Fabric(linkGrace: 10)
    for number in 1...3 { try fabric.add(number, pods: [.v4, .v6], mode: from) }
    try fabric.settle()
    for name in ["n2", "n3"] { try reaches(fabric, "n1", name) }
    let first = try #require(fabric.nodes["n1"])
    let targets = [try #require(fabric.nodes["n2"]).pod(.v4), try #require(fabric.nodes["n3"]).pod(.v6)]
    let sources = [first.pod(.v4), first.pod(.v6)]
    let outputs = Mutex<[String]>([])
    let namespace = first.namespace
    let file = "/tmp/swt-wg-switching-\(getpid())-\(to.rawValue)"
    defer { unlink(file) }
    // Until the file is there: ten packets a second to a pod of each of the other nodes.
    let script = "ping -i 0.1 -I $0 $1 & until test -e \(file); do sleep 0.1; done; kill -INT $!; wait $!"
    let threads = zip(sources, targets).map { source, target in
      Thread("ping") {
        let result = try? ChildProcess.run(["sh", "-c", script, source, target], namespace: namespace, timeout: 300)
        outputs.withLock { $0.append(result?.output ?? "") }
      }
    }
    for name in ["n2", "n1", "n3"] {
      let node = try #require(fabric.nodes[name])
      try node.restart(mode: to)
      try node.router.synchronize(fabric.objects)
      try fabric.publish(node)
      for other in fabric.nodes.values where other !== node {
        try reaches(fabric, name, other.name)
        try reaches(fabric, other.name, name)
      }
      // What agents do every few seconds.
      for other in fabric.nodes.values { try other.router.repair() }
    }
    for _ in 0..<2 { for node in fabric.nodes.values { try node.router.repair() } }
    for name in ["n2", "n3"] { try reaches(fabric, "n1", name) }
    usleep(UInt32(fabric.linkGrace * 1_000_000) + 100_000)
    for node in fabric.nodes.values {
      try node.router.repair()
      #expect(try node.router.repair() == 0)
      let routes = try fabric.oracle(node.name, "ip -j route show").filter {
        $0["protocol"].string == "87" && $0["type"].string != "blackhole"
      }
      #expect(
        routes.map { $0["dev"].string } == Array(repeating: to == .vxlan ? "swiftlet.1" : "swiftlet.wg", count: 2))
      let links = try fabric.oracle(node.name, "ip -j link show").compactMap { $0["ifname"].string }
      #expect(links.contains("swiftlet.wg") == (to == .wireguard))
      #expect(try node.router.podMTU() == (to == .wireguard ? 1440 : 1450))
    }
    _ = try ChildProcess.run(["touch", file])
    for thread in threads { thread.join() }
    for output in outputs.withLock({ $0 }) {
      #expect(Self.missing(output) == [], "no packet was lost: \(output.suffix(200))")
    }
  }

  /// The numbers of packets without an answer, but for the last, which ping does not wait for when it is ended.
  static func missing(_ output: String) -> Set<Int> {
    let answered = output.split(separator: "\n").compactMap { line -> Int? in
      guard let place = line.firstRange(of: "icmp_seq=") else { return nil }
      return Int(line[place.upperBound...].prefix { $0.isNumber })
    }
    guard let last = answered.max(), last > 10 else { return [0] }
    return Set(1...last).subtracting(answered)
  }

  @Test func missingPacketsAreFound() {
    let lines = (1...20).map { "64 bytes from x: icmp_seq=\($0) ttl=62 time=1 ms" }
    #expect(Self.missing(lines.joined(separator: "\n")) == [])
    #expect(Self.missing((lines[..<4] + lines[6...]).joined(separator: "\n")) == [5, 6])
    #expect(Self.missing("") == [0])
  }

  private func reaches(_ fabric: Fabric, _ from: String, _ to: String) throws {
    for family in IPFamily.allCases {
      // The first packet may wait for a handshake.
      var isReached = false
      for _ in 0..<3 where !isReached { isReached = try fabric.ping(from, to, family) }
      #expect(isReached, "\(from) to \(to) by \(family)")
    }
  }
}
