import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

@Suite(.serialized) struct ShapingKernelTests {
  @Test func bucketsHoldThePacketAndFiftyMilliseconds() {
    let cases: [(rate: UInt64, burst: UInt64, bucket: (UInt64, UInt32, UInt32))] = [
      (8_000_000, 800_000, (1_000_000, 100_000, 150_000)), (8000, 8, (1000, 16384, 32768)),
      (80_000_000_000, 1 << 40, (10_000_000_000, .max, .max)),
    ]
    for test in cases {
      let bucket = PodShaping.bucket(BandwidthLimit(rate: test.rate, burst: test.burst), mtu: 1450)
      #expect((bucket.rate, bucket.burst, bucket.limit) == test.bucket)
    }
    // The largest frame fits.
    #expect(PodShaping.bucket(BandwidthLimit(rate: 1000, burst: 1), mtu: 65535).burst > 65535)
  }

  @Test func bothDirectionsAreLimitedAndNothingIsLeft() throws {
    let node = try TestNode()
    let pod = try node.pod("slow")
    let bandwidth: JSON = [
      "ingressRate": 8_000_000, "ingressBurst": 400_000, "egressRate": 16_000_000, "egressBurst": 800_000,
    ]
    let added = try node.call("ADD", pod.environment) { $0["runtimeConfig", "bandwidth"] = bandwidth }
    try #require(added.status == 0, "\(added.output)")
    let link = try #require(added.output["interfaces"][1]["name"].string)
    let device = PodShaping.deviceName(.init(containerID: "slow", interfaceName: "eth0"))
    // As tc reads it.
    let toPod = try node.json("tc -j qdisc show dev \(link) root")[0]
    #expect(toPod["kind"] == "tbf" && toPod["options", "rate"] == 1_000_000, "\(toPod)")
    #expect((49_000...51_000).contains(toPod["options", "burst"].int ?? 0), "\(toPod)")
    let fromPod = try node.json("tc -j qdisc show dev \(device) root")[0]
    #expect(fromPod["kind"] == "tbf" && fromPod["options", "rate"] == 2_000_000, "\(fromPod)")
    let filter = try node.run("tc filter show dev \(link) ingress").output
    #expect(filter.contains("mirred (Egress Redirect to device \(device))"), "\(filter)")
    #expect(try node.run("ping -c 2 -i 0.2 -W 5 10.244.1.1", in: pod.namespace).status.isSuccess)
    #expect(try node.run("ping -c 2 -i 0.2 -W 5 fd00:1::1", in: pod.namespace).status.isSuccess)

    func check() throws -> JSON {
      try node.call("CHECK", pod.environment, previousResult: added.output) {
        $0["runtimeConfig", "bandwidth"] = bandwidth
      }.output
    }
    #expect(try check() == .null)
    #expect(try node.run("tc qdisc del dev \(link) root").status.isSuccess)
    #expect(try check()["details"].string?.contains("to the pod") == true)
    #expect(try node.run("tc qdisc del dev \(link) ingress").status.isSuccess)
    #expect(try check()["details"].string?.contains("from the pod") == true)

    #expect(try node.call("DEL", pod.environment).status == 0)
    #expect(try node.json("ip -j link show type ifb").elements.isEmpty)
    #expect(try node.json("ip -j link show type veth").elements.isEmpty)
    // What an ADD that was killed left is replaced, and what nobody comes for is collected.
    for id in ["slow", "lost"] {
      let name = PodShaping.deviceName(.init(containerID: id, interfaceName: "eth0"))
      #expect(try node.run("ip link add \(name) type ifb").status.isSuccess)
      #expect(try node.run("ip link set \(name) alias swiftlet-cni\u{a0}").status.isSuccess)
      _ = try ChildProcess.run(
        ["ip", "link", "set", name, "alias", "swiftlet-cni \(id) eth0 swiftlet"], namespace: node.namespace)
    }
    let again = try node.call("ADD", pod.environment) { $0["runtimeConfig", "bandwidth"] = bandwidth }
    #expect(again.status == 0, "\(again.output)")
    let valid: JSON = .array([["containerID": "slow", "ifname": "eth0"]])
    #expect(try node.call("GC", [:]) { $0["cni.dev/valid-attachments"] = valid }.status == 0)
    #expect(try node.json("ip -j link show type ifb").elements.map { $0["ifname"].string } == [device])
  }

  /// Bytes are counted where they arrive and compared with what the rate allows in the time that passed, generously; an
  /// unlimited pod that sends as long gets many times as many through.
  @Test(arguments: [WiringMode.bridge, .routed])
  func theRateIsHeld(wiring: WiringMode) throws {
    let node = try TestNode()
    node.configuration.wiring = wiring
    let (slow, free, peer) = (try node.pod("slow"), try node.pod("free"), try node.pod("peer"))
    let bandwidth: JSON = ["ingressRate": 8_000_000, "egressRate": 8_000_000]
    let limited = try node.call("ADD", slow.environment) { $0["runtimeConfig", "bandwidth"] = bandwidth }
    try #require(limited.status == 0, "\(limited.output)")
    let (unlimited, other) = (try node.add(free), try node.add(peer))
    /// Datagrams as fast as they go for two seconds: bytes that arrived, and how many 1,000,000 a second allow.
    func send(_ from: TestNode.Pod, to target: JSON, _ receiver: TestNode.Pod) throws -> (arrived: Int, allowed: Int) {
      func received() throws -> Int {
        try node.json("ip -j -s link show dev eth0", in: receiver.namespace)[0]["stats64", "rx", "bytes"].int ?? 0
      }
      let before = try received()
      let start = Time.monotonicSeconds
      _ = try ChildProcess.run(
        ["timeout", "2", "socat", "-u", "-b1400", "OPEN:/dev/zero", "UDP-SENDTO:\(address(target)):9"],
        namespace: from.namespace, timeout: 60)
      let bytes = try received() - before
      return (bytes, Int((Time.monotonicSeconds - start) * 1_000_000) + 100_000)
    }
    for (direction, from, target, receiver) in [("from", slow, other, peer), ("to", peer, limited.output, slow)] {
      let (arrived, allowed) = try send(from, to: target, receiver)
      #expect(arrived < allowed * 3 / 2, "\(direction) the pod: \(arrived) bytes, \(allowed) are allowed")
      #expect(arrived > 200_000, "\(direction) the pod: \(arrived) bytes, \(allowed) are allowed")
    }
    for (from, target, receiver) in [(free, other, peer), (peer, unlimited, free)] {
      let (arrived, allowed) = try send(from, to: target, receiver)
      #expect(arrived > 3 * allowed, "unlimited: \(arrived) bytes, \(allowed) would be allowed")
    }
  }
}
