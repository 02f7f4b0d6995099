import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

/// Raw frames out of a pod: what bears a foreign address reaches nobody, what is the pod's own does.
@Suite(.serialized) struct SpoofingKernelTests {
  /// Sends frames from `sender` and returns what `receiver` got of them, the last one included, which must arrive.
  private func received(
    _ frames: [String], from sender: WiredNode.Pod, last: String, by receiver: WiredNode.Pod, gateway: String,
    _ node: WiredNode
  ) throws -> [String] {
    let file = "\(node.directory)/heard-\(receiver.name)"
    // Who must be found is found before, so that nobody asks meanwhile.
    for family in node.families {
      for (target, place) in [(sender.address(family), receiver), (receiver.address(family), sender)] {
        #expect(try node.run("ping -c 1 -W 5 \(target)", in: place.namespace).status.isSuccess)
      }
    }
    let listener = try node.start(Scripts.listener, [file, gateway], in: receiver.namespace)
    func lines() -> [String] { ((try? Files.readText(file)) ?? "").split(separator: "\n").map(String.init) }
    for _ in 0..<500 where !lines().contains("ready") { usleep(10_000) }
    let output = try node.python(Scripts.forger, frames, in: sender.namespace)
    #expect(output.isEmpty, "\(output)")
    for _ in 0..<300 where lines().last != last { usleep(10_000) }
    let heard = Array(lines().dropFirst())
    kill(listener.pid, SIGKILL)
    return heard
  }

  @Test(arguments: WiringMode.allCases)
  func foreignSourcesReachNobody(_ wiring: WiringMode) throws {
    let node = try WiredNode(wiring)
    let (a, b) = (try node.add("a"), try node.add("b"))
    let (own, other) = (dotted(a.mac), dotted(b.mac))
    // Where the pod sends: the node's end of its own link, or the bridge.
    let gateway = try gatewayAddress(of: a, node)
    var frames: [String] = []
    var wanted: [String] = []
    for family in node.families {
      let (source, destination) = (a.address(family), b.address(family))
      let forged = family == .v4 ? "10.244.1.77" : "fd00:1::77"
      let far = family == .v4 ? "198.51.100.7" : "2001:db8:5::7"
      for foreign in [forged, far, destination] { frames.append("udp/\(own)/\(gateway)/\(foreign)/\(destination)") }
      if wiring != .routed {
        // Under another's Ethernet address, and straight to the other pod.
        frames.append("udp/\(other)/\(gateway)/\(source)/\(destination)")
        frames.append("udp/\(own)/\(other)/\(forged)/\(destination)")
      }
      frames.append("udp/\(own)/\(gateway)/\(source)/\(destination)")
      wanted.append("udp \(source)")
    }
    frames += [
      "arp/\(own)/\(own)/10.244.1.1/10.244.1.3", "arp/\(own)/\(other)/10.244.1.2/10.244.1.3",
      "arp/\(own)/\(own)/10.244.1.3/10.244.1.1", "na/\(own)/fe80::77/fd00:1::1", "na/\(own)/fd00:1::2/fd00:1::3",
      "ra/\(own)/fe80::77",
    ]
    if wiring != .routed {
      // One's own claims, and a probe, which has no sender, are heard by the others on the bridge.
      frames += ["arp/\(own)/\(own)/10.244.1.2/10.244.1.3", "arp/\(own)/\(own)/0.0.0.0/10.244.1.2"]
      frames.append("na/\(own)/fe80::77/fd00:1::2")
      wanted += ["arp 10.244.1.2", "arp 0.0.0.0", "na fd00:1::2"]
    }
    frames.append("udp/\(own)/\(gateway)/10.244.1.2/10.244.1.3")
    wanted.append("udp 10.244.1.2")
    let receiverGateway = try gatewayAddress(of: b, node)
    let heard = try received(frames, from: a, last: wanted.last!, by: b, gateway: receiverGateway, node)
    #expect(heard == wanted, "\(wiring)")

    // What was forged has moved nothing: the other pod still gets what is its own.
    for family in node.families {
      let ping = try node.run("ping -c 1 -W 5 \(b.address(family))", in: a.namespace)
      #expect(ping.status.isSuccess, "\(ping.output)")
      #expect(try node.run("ping -c 1 -W 5 \(b.address(family))").status.isSuccess)
    }
    // nft can list the table, and its counters tell. On a routed link claims lead nowhere and are left to the kernel.
    let listing = try node.run("nft list table \(wiring.isBridged ? "bridge" : "inet") swiftlet-spoofing")
    let words = listing.output.split { $0.isWhitespace }
    let dropped = words.indices.filter { words[$0] == "packets" }.compactMap { Int(words[$0 + 1]) }.reduce(0, +)
    #expect(dropped == (wiring == .routed ? 7 : 16), "\(listing.output)")
    _ = try node.json("nft -j list ruleset")
  }

  @Test(arguments: WiringMode.allCases)
  func theTableFollowsThePods(_ wiring: WiringMode) throws {
    let node = try WiredNode(wiring)
    let family = wiring.isBridged ? "bridge" : "inet"
    func listing() throws -> [Substring] {
      try node.run("nft list table \(family) swiftlet-spoofing").output.split { $0.isWhitespace || $0 == "," }.sorted()
    }
    let a = try node.add("a")
    let alone = try listing()
    let b = try node.add("b")
    let both = try listing()
    #expect(both != alone && both.contains("\"\(b.hostName)\""))
    #expect(try node.check(b).status == 0)
    try node.delete(b)
    #expect(try listing() == alone)
    // Again, and without the namespace or the result.
    try node.delete(b)
    #expect(try node.call("DEL", ["CNI_CONTAINERID": "b", "CNI_IFNAME": "eth0"]).status == 0)
    #expect(try listing() == alone)

    // Somebody flushes everything: CHECK sees it, the next ADD makes it anew for all pods.
    _ = try node.run("nft flush ruleset")
    let check = try node.check(a)
    #expect(
      check.status == 1 && check.output["details"].string?.contains("swiftlet-spoofing") == true, "\(check.output)")
    let c = try node.add("c")
    #expect(try node.check(a).status == 0)
    // Or an agent's look does; and it puts back single elements.
    _ = try node.run("nft flush ruleset")
    let repairs = { try PodWiring(NetworkConfiguration(node.configuration.request()), node: node.namespace).repair() }
    #expect(try repairs().isSpoofingTableWritten)
    #expect(try node.check(a).status == 0)
    #expect(try node.check(c).status == 0)
    _ = try node.run("nft flush set \(family) swiftlet-spoofing ports")
    #expect(try node.check(a).status == 1)
    #expect(try repairs().isSpoofingTableWritten)
    #expect(try node.check(a).status == 0)
    #expect(try node.check(c).status == 0)
    #expect(try !repairs().isSpoofingTableWritten)

    // GC takes the elements of whoever is gone, also when the link went with its namespace.
    _ = try node.run("ip link del \(c.hostName)")
    let valid: JSON = .array([["containerID": "a", "ifname": "eth0"]])
    #expect(try node.call("GC") { $0["cni.dev/valid-attachments"] = valid }.status == 0)
    #expect(try listing() == alone)
    try node.delete(a)
    #expect(try !listing().contains("elements"))
  }

  @Test func itCanBeSwitchedOff() throws {
    let node = try WiredNode(.bridge, [.v4])
    let pod = WiredNode.Pod(name: "free", namespace: try NetworkNamespace.create())
    #expect(try node.call("ADD", pod.environment) { $0["preventSpoofing"] = false }.status == 0)
    #expect(try node.run("nft list ruleset").output.isEmpty)
  }

  /// The Ethernet address a pod's packets go to.
  private func gatewayAddress(of pod: WiredNode.Pod, _ node: WiredNode) throws -> String {
    let name = node.configuration.wiring == .routed ? pod.hostName : "cni0"
    return dotted(try node.json("ip -j link show \(name)")[0]["address"].string ?? "")
  }

  /// Python splits the frames' words at slashes, and addresses have colons.
  private func dotted(_ mac: String) -> String { String(mac.map { $0 == ":" ? "." : $0 }) }
}
