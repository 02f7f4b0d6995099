import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Testing

@testable import PodNetwork

@Suite(.serialized) struct HostPortKernelTests {
  private func table(_ node: TestNode) throws -> JSON {
    try node.json("nft -j list table inet swiftlet-hostports")
  }

  /// Elements of a set by nft's own reading.
  private func elements(_ node: TestNode, _ set: String) throws -> [JSON] {
    let kind = set.hasPrefix("ports") || set.hasPrefix("addressed") ? "map" : "set"
    return try node.json("nft -j list \(kind) inet swiftlet-hostports \(set)")["nftables"].elements
      .flatMap { $0["set"]["elem"].elements + $0["map"]["elem"].elements }
  }

  private func held(_ node: TestNode) throws -> Int { try HostPorts(node: node.namespace).entries().count }

  @Test func everyoneReachesAPodThroughTheNodesPortAndKeepsHisAddress() throws {
    let node = try TestNode()
    let outside = try node.outsider()
    let pod = try node.pod("web")
    let other = try node.pod("other")
    let result = try node.add(
      pod,
      ports: [
        ["hostPort": 8080, "containerPort": 80, "protocol": "tcp"],
        ["hostPort": 8081, "containerPort": 80, "protocol": "tcp", "hostIP": "192.0.2.1"],
      ])
    try #require(result.status == 0, "\(result.output)")
    let neighbour = try node.add(other)
    let server = try Teller(80, in: pod.namespace)
    defer { withExtendedLifetime(server) {} }

    #expect(try node.ask("192.0.2.1", 8080, in: outside) == "192.0.2.2")
    #expect(try node.ask("2001:db8::1", 8080, in: outside) == "2001:db8::2")
    #expect(try node.ask("192.0.2.1", 8081, in: outside) == "192.0.2.2")
    // Another pod of the node, by each address of the node.
    #expect(try node.ask("192.0.2.1", 8080, in: other.namespace) == address(neighbour))
    #expect(try node.ask("fd00:1::1", 8080, in: other.namespace) == address(neighbour, .v6))
    // The pod itself: what comes back to it has the gateway's address, or it would not be taken for an answer.
    #expect(try node.ask("192.0.2.1", 8080, in: pod.namespace) == "10.244.1.1")
    #expect(try node.ask("2001:db8::1", 8080, in: pod.namespace) == "fd00:1::1")
    // The node itself.
    #expect(try node.ask("192.0.2.1", 8080, in: nil) == "192.0.2.1")
    #expect(try node.ask("2001:db8::1", 8080, in: nil) == "2001:db8::1")
    #expect(try node.ask("127.0.0.1", 8080, in: nil) == "10.244.1.1")
    // One address of the node is only that.
    #expect(try !node.run("socat -u TCP:10.244.1.1:8081,connect-timeout=5 -").status.isSuccess)

    // route_localnet lets nobody in: a packet to 127.0.0.1 from outside the node is dropped, whatever routes say.
    let inner = try Teller(9000, in: node.namespace)
    defer { withExtendedLifetime(inner) {} }
    #expect(try node.ask("127.0.0.1", 9000, in: nil) == "127.0.0.1")
    #expect(try Sysctl.read("net/ipv4/conf/cni0/route_localnet", in: node.namespace) == "1")
    try Sysctl.write("net/ipv4/conf/eth0/route_localnet", "1", in: other.namespace)
    for command in ["ip addr del 127.0.0.1/8 dev lo", "ip route add 127.0.0.0/8 via 10.244.1.1 dev eth0"] {
      #expect(try node.run(command, in: other.namespace).status.isSuccess)
    }
    func sneaksIn() throws -> Bool {
      try node.run("socat -u TCP:127.0.0.1:9000,connect-timeout=1 -", in: other.namespace)
        .output.contains("10.244")
    }
    #expect(try !sneaksIn())
    // It is that chain that keeps them out.
    #expect(try node.run("nft flush chain inet swiftlet-hostports martians").status.isSuccess)
    #expect(try sneaksIn())
  }

  /// Without a bridge the node has no address on the pod's link: what it sends there in its own name has the node's.
  @Test func routedPodsAreReachedToo() throws {
    let node = try TestNode()
    node.configuration.wiring = .routed
    let outside = try node.outsider()
    let (pod, other) = (try node.pod("web"), try node.pod("other"))
    let result = try node.add(pod, ports: [["hostPort": 8080, "containerPort": 80, "protocol": "tcp"]])
    try #require(result.status == 0, "\(result.output)")
    let neighbour = try node.add(other)
    let server = try Teller(80, in: pod.namespace)
    defer { withExtendedLifetime(server) {} }
    #expect(try node.ask("192.0.2.1", 8080, in: outside) == "192.0.2.2")
    #expect(try node.ask("2001:db8::1", 8080, in: outside) == "2001:db8::2")
    #expect(try node.ask("192.0.2.1", 8080, in: other.namespace) == address(neighbour))
    #expect(try node.ask("2001:db8::1", 8080, in: other.namespace) == address(neighbour, .v6))
    #expect(try node.ask("192.0.2.1", 8080, in: pod.namespace) == "192.0.2.1")
    // Of the node's addresses the kernel takes the one nearest to the pod's (RFC 6724, section 5, rule 8).
    #expect(try node.ask("2001:db8::1", 8080, in: pod.namespace) == "fd00:1::1")
    #expect(try node.ask("192.0.2.1", 8080, in: nil) == "192.0.2.1")
    #expect(try node.ask("2001:db8::1", 8080, in: nil) == "2001:db8::1")
    #expect(try node.ask("127.0.0.1", 8080, in: nil) == "192.0.2.1")
    #expect(try node.call("DEL", pod.environment).status == 0)
    #expect(try held(node) == 0)
  }

  @Test func chainsAreConstantAndNftReadsThem() throws {
    let node = try TestNode()
    func structure() throws -> [String: Int] {
      var counts: [String: Int] = [:]
      for item in try table(node)["nftables"].elements { counts[item.members.first?.key ?? "", default: 0] += 1 }
      return counts
    }
    let first = try node.add(try node.pod("one"), ports: [["hostPort": 1000, "containerPort": 80]])
    #expect(first.status == 0, "\(first.output)")
    let before = try structure()
    let many: JSON = .array((2000..<2300).map { ["hostPort": .int($0), "containerPort": .int($0), "protocol": "udp"] })
    let second = try node.add(try node.pod("two"), ports: many)
    #expect(second.status == 0, "\(second.output)")
    #expect(try structure() == before)
    #expect(try elements(node, "ports4").count == 301 && elements(node, "ports6").count == 301)
    // What nft prints it also reads, and prints again.
    let text = try node.run("nft list table inet swiftlet-hostports").output
    try Files.write("\(node.directory)/table.nft", text)
    let copy = try NetworkNamespace.create()
    let loaded = try node.run("nft -f \(node.directory)/table.nft", in: copy)
    #expect(loaded.status.isSuccess, "\(loaded.errorOutput)")
    #expect(try node.run("nft list table inet swiftlet-hostports", in: copy).output == text)
    // DEL without the mappings, as after a restart that lost them.
    #expect(try node.call("DEL", ["CNI_CONTAINERID": "two", "CNI_IFNAME": "eth0"]).status == 0)
    #expect(try held(node) == 2)
    for set in ["ports4", "hairpin4", "targets4", "ports6", "hairpin6", "targets6"] {
      #expect(try elements(node, set).count == 1, "\(set)")
    }
  }

  /// What the first pod has, what the second wants, and a part of the error; nil if both can be had.
  static let conflicts: [(first: JSON, second: JSON, part: String?)] = [
    (["hostPort": 80], ["hostPort": 80], "leads to pod default/first (container first)"),
    (["hostPort": 80], ["hostPort": 80, "hostIP": "192.0.2.1"], "80/tcp of this node"),
    (["hostPort": 80, "hostIP": "192.0.2.1"], ["hostPort": 80], "192.0.2.1:80/tcp of this node"),
    (["hostPort": 80, "hostIP": "192.0.2.1"], ["hostPort": 80, "hostIP": "192.0.2.1"], "192.0.2.1:80/tcp"),
    (["hostPort": 80, "hostIP": "192.0.2.1"], ["hostPort": 80, "hostIP": "10.244.1.1"], nil),
    (["hostPort": 80], ["hostPort": 80, "protocol": "udp"], nil), (["hostPort": 80], ["hostPort": 81], nil),
  ]

  @Test(arguments: conflicts.indices)
  func aPortHasOneOwner(index: Int) throws {
    let test = Self.conflicts[index]
    let node = try TestNode()
    _ = try node.outsider()
    func mapping(_ json: JSON) -> JSON {
      var json = json
      json["containerPort"] = 8080
      return [json]
    }
    let (first, second) = (try node.pod("first"), try node.pod("second"))
    var environment = first.environment
    environment["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=first"
    let one = try node.call("ADD", environment) { $0["runtimeConfig", "portMappings"] = mapping(test.first) }
    try #require(one.status == 0, "\(one.output)")
    let two = try node.add(second, ports: mapping(test.second))
    guard let part = test.part else {
      #expect(two.status == 0, "\(two.output)")
      return
    }
    #expect(two.status == 1 && two.output["code"] == 103)
    #expect(two.output["msg"].string?.contains(part) == true, "\(two.output)")
    // Nothing of the second is left, and the first still has what it had.
    #expect(try node.json("ip -j link show master cni0").elements.count == 1)
    #expect(try Files.list("\(node.directory)/swiftlet").filter { IPAddress($0) != nil }.count == 2)
    #expect(try HostPorts(node: node.namespace).entries().allSatisfy { $0.owner.containerID == "first" })
    #expect(try node.call("DEL", first.environment).status == 0)
    #expect(try node.add(second, ports: mapping(test.second)).status == 0)
  }

  @Test func aProgramOfTheNodeIsNotCutOff() throws {
    let node = try TestNode()
    for (transport, name) in [("TCP", "tcp"), ("UDP", "udp")] {
      let server = try Teller(7000, in: node.namespace, transport: transport)
      let pod = try node.pod("pod-\(name)")
      let mapping: JSON = [["hostPort": 7000, "containerPort": 80, "protocol": .string(name)]]
      // The server may need a moment to listen.
      var answer = try node.add(pod, ports: mapping)
      for _ in 0..<100 where answer.status == 0 {
        #expect(try node.call("DEL", pod.environment).status == 0)
        usleep(50_000)
        answer = try node.add(pod, ports: mapping)
      }
      #expect(
        answer.output["code"] == 103 && answer.output["msg"].string?.contains("listens") == true, "\(answer.output)")
      withExtendedLifetime(server) {}
    }
    #expect(try held(node) == 0)
  }

  @Test func aLateDeleteLeavesTheNextOwnerAlone() throws {
    let node = try TestNode(["10.244.1.0/30"])
    let mapping: JSON = [["hostPort": 80, "containerPort": 8080]]
    let (first, second) = (try node.pod("first"), try node.pod("second"))
    #expect(try node.add(first, ports: mapping).status == 0)
    #expect(try node.call("DEL", first.environment).status == 0)
    // The range has one address: the second gets the one the first had.
    let result = try node.add(second, ports: mapping)
    #expect(address(result.output) == "10.244.1.2", "\(result.output)")
    #expect(try node.call("DEL", first.environment) { $0["runtimeConfig", "portMappings"] = mapping }.status == 0)
    #expect(try HostPorts(node: node.namespace).entries().map(\.owner.containerID) == ["second"])
    #expect(try elements(node, "hairpin4").count == 1)
    // What a container left that died without DEL is nobody's when its address is leased anew.
    try Files.remove("\(node.directory)/swiftlet/10.244.1.2")
    #expect(try node.run("ip link del \(result.output["interfaces"][1]["name"].string ?? "")").status.isSuccess)
    let third = try node.pod("third")
    var taken = try node.add(third, ports: mapping)
    if taken.status != 0 {
      let valid: JSON = []
      #expect(try node.call("GC", [:]) { $0["cni.dev/valid-attachments"] = valid }.status == 0)
      taken = try node.add(third, ports: mapping)
    }
    #expect(taken.status == 0, "\(taken.output)")
    #expect(try HostPorts(node: node.namespace).entries().map(\.owner.containerID) == ["third"])
  }

  @Test func checkAndCollectKnowHostPorts() throws {
    let node = try TestNode()
    let mapping: JSON = [["hostPort": 80, "containerPort": 8080]]
    let pods = try (0..<3).map { try node.pod("pod-\($0)") }
    var results: [JSON] = []
    for (index, pod) in pods.enumerated() {
      let added = try node.add(pod, ports: [["hostPort": .int(Int64(80 + index)), "containerPort": 8080]])
      try #require(added.status == 0, "\(added.output)")
      results.append(added.output)
    }
    func check() throws -> JSON {
      try node.call("CHECK", pods[0].environment, previousResult: results[0]) {
        $0["runtimeConfig", "portMappings"] = mapping
      }.output
    }
    #expect(try check() == .null)
    #expect(try node.run("nft flush map inet swiftlet-hostports ports4").status.isSuccess)
    let wrong = try check()
    #expect(wrong["code"] == 102 && wrong["details"].string?.contains("host port 80/tcp") == true, "\(wrong)")
    // Another network of the node has attachments of its own.
    let foreign = try node.pod("foreign")
    let other = try node.call("ADD", foreign.environment) { json in
      json["name"] = "other"
      json["bridge"] = "cni1"
      json["serviceRanges"] = []
      json["ipam", "ranges"] = [[["subnet": "10.250.0.0/24"]]]
      json["runtimeConfig", "portMappings"] = [["hostPort": 99, "containerPort": 99]]
    }
    #expect(other.status == 0, "\(other.output)")
    let valid: JSON = .array([["containerID": "pod-1", "ifname": "eth0"]])
    #expect(try node.call("GC", [:]) { $0["cni.dev/valid-attachments"] = valid }.status == 0)
    #expect(Set(try HostPorts(node: node.namespace).entries().map(\.owner.containerID)) == ["pod-1", "foreign"])
  }

  /// A UDP flow goes where its first packet went, unless it is forgotten.
  @Test func datagramsFollowThePort() throws {
    let node = try TestNode()
    let outside = try node.outsider()
    // A rule that needs it switches tracking on before there are host ports.
    #expect(try node.run("nft add table inet track").status.isSuccess)
    for command in [
      "add chain inet track c { type filter hook prerouting priority 0 ; }",
      "add rule inet track c ct state new counter",
    ] {
      let result = try ChildProcess.run(["nft", command], namespace: node.namespace)
      #expect(result.status.isSuccess, "\(result.errorOutput)")
    }
    /// From one and the same port each time.
    func ask(_ expected: String) throws -> Bool {
      for _ in 0..<100 {
        let result = try ChildProcess.run(
          ["sh", "-c", "echo x | socat -t 0.3 - UDP:192.0.2.1:5353,sourceport=4444"], namespace: outside, timeout: 30)
        if result.output.contains(expected) { return true }
        if !expected.isEmpty, !result.output.isEmpty, !result.output.contains(expected) { return false }
      }
      return false
    }
    // Nobody is there: the flow to the node itself is tracked (the node's answer is an ICMP error).
    let nobody = try ChildProcess.run(
      ["sh", "-c", "for i in 1 2 3; do echo x | socat -t 0.2 - UDP:192.0.2.1:5353,sourceport=4444; done"],
      namespace: outside, timeout: 30)
    #expect(nobody.output.isEmpty)
    // A tracked flow that was delivered here, as a server that has gone leaves it.
    let planted = try ChildProcess.run(
      [
        "conntrack", "-I", "-p", "udp", "-s", "192.0.2.2", "-d", "192.0.2.1", "--sport", "4444", "--dport", "5353",
        "--timeout", "120",
      ], namespace: node.namespace)
    let mapping: JSON = [["hostPort": 5353, "containerPort": 53, "protocol": "udp"]]
    for name in ["first", "second"] {
      let pod = try node.pod(name)
      let added = try node.add(pod, ports: mapping)
      #expect(added.status == 0, "\(added.output)")
      let server = try Teller(53, in: pod.namespace, transport: "UDP", says: name)
      #expect(try ask(name), "\(name), planted: \(planted.status)")
      withExtendedLifetime(server) {}
      // Its flow goes with it, so that the next packet finds the next pod.
      #expect(try node.call("DEL", pod.environment).status == 0)
      let flows = try node.run("conntrack -L -p udp --orig-port-dst 5353").output
      #expect(!flows.contains("dport=5353"), "\(flows)")
    }
  }
}
