import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Testing

@testable import PodNetwork

/// What ADD and DEL leave in the kernel, as ip(8) and conntrack(8) see it.
@Suite(.serialized) struct WiringKernelTests {
  /// Nothing is tentative as soon as ADD has answered, and no address was announced as tentative.
  /// The node sends pods of one bridge ICMPv6 redirects to one another. One that is followed leads answers past the
  /// translation of a Service's address.
  @Test func redirectsAreNotFollowed() throws {
    let node = try WiredNode(.bridge)
    let (first, second) = (try node.add("first"), try node.add("second"))
    let target = second.address(.v6)
    #expect(try node.run("ping -6 -c 3 -i 0.2 -W 5 \(target)", in: first.namespace).status.isSuccess)
    let route = try node.json("ip -j -6 route get \(target)", in: first.namespace)[0]
    #expect(route["gateway"].string != nil && route["gateway"].string != target, "\(route)")
  }

  @Test(arguments: WiringMode.allCases)
  func noAddressIsEverTentative(_ wiring: WiringMode) throws {
    let node = try WiredNode(wiring)
    _ = try node.add("first")
    let pod = WiredNode.Pod(name: "second", namespace: try NetworkNamespace.create())
    let outside = try node.json("ip -j link show up0")[0]["ifindex"].int.map { Int32($0) }
    let hostEvents = try RouteEventSocket([.addresses], namespace: node.namespace)
    let podEvents = try RouteEventSocket([.addresses], namespace: pod.namespace)
    #expect(try node.call("ADD", pod.environment).status == 0)
    for place in [node.namespace, pod.namespace] {
      for link in try node.json("ip -j -6 addr show", in: place).elements where link["ifname"] != "up0" {
        for address in link["addr_info"].elements { #expect(address["tentative"] == .null, "\(link)") }
      }
    }
    // The kernel announces an IPv6 address from a worker of its own, when it is sure of it.
    var seen: Set<IPAddress> = []
    for _ in 0..<500 where seen.count < 2 {
      for (events, ignored) in [(hostEvents, outside), (podEvents, nil)] {
        for case .address(let address) in try events.receive(wait: false)
        where address.address.family == .v6 && address.interface != ignored && address.address != IPAddress("::1") {
          seen.insert(address.address)
          #expect(address.flags & 0x40 == 0, "\(address)")
        }
      }
      usleep(10_000)
    }
    // The pod's own and the link-local one.
    #expect(seen.count >= 2, "\(seen)")
  }

  @Test func routedPodsHaveNoBridgePort() throws {
    let node = try WiredNode(.routed)
    let pod = try node.add("pod")
    #expect(pod.result["interfaces"].elements.map { $0["name"].string } == [pod.hostName, "eth0"])
    #expect(pod.result["ips"].elements.map { $0["gateway"].string } == ["169.254.1.1", "fe80::1"])
    let outside = try node.json("ip -j addr show \(pod.hostName)")[0]
    #expect(outside["master"] == .null && outside["mtu"] == 1450)
    #expect(
      outside["addr_info"].elements.map { "\($0["local"].string ?? "")/\($0["prefixlen"].int ?? 0)" } == [
        "169.254.1.1/32", "fe80::1/64",
      ])
    for address in ["10.244.1.2", "fd00:1::2"] {
      let route = try node.json("ip -j \(address.contains(":") ? "-6" : "-4") route show \(address)")[0]
      #expect(route["dev"].string == pod.hostName && route["protocol"] == "88", "\(route)")
      #expect(route["prefsrc"].string == (address.contains(":") ? "fd00:1::1" : "10.244.1.1"))
      let neighbour = try node.json("ip -j neigh show \(address)")[0]
      #expect(neighbour["dev"].string == pod.hostName && neighbour["state"] == ["PERMANENT"])
    }
    #expect(try node.json("ip -j link show master cni0").elements.isEmpty)
    for (command, part) in [
      ("ip route del 10.244.1.2", "no route to 10.244.1.2"),
      ("ip addr del 169.254.1.1/32 dev \(pod.hostName)", "169.254.1.1"),
    ] {
      _ = try node.run(command)
      let check = try node.check(pod)
      #expect(check.status == 1 && check.output["details"].string?.contains(part) == true, "\(check.output)")
    }
    try node.delete(pod)
    #expect(try node.json("ip -j link show type veth").elements.map { $0["ifname"].string } == ["up0"])
    #expect(try node.json("ip -j route show proto 88").elements.isEmpty)
  }

  @Test func theSharedPrefixIsTheBridgesOwnMatter() throws {
    let node = try WiredNode(.sharedBridge)
    let pod = try node.add("pod")
    #expect(pod.result["ips"].elements.map { $0["address"].string } == ["10.244.1.2/24", "fd00:1::2/64"])
    let bridge = try node.json("ip -j -d link show cni0")[0]["linkinfo"]["info_data"]
    #expect(bridge["nf_call_iptables"] == 1 && bridge["nf_call_ip6tables"] == 1)
    for name in ["iptables", "ip6tables"] {
      #expect(try Sysctl.read("net/bridge/bridge-nf-call-\(name)", in: node.namespace) == "0")
    }
    #expect(try node.json("bridge -j -d link show dev \(pod.hostName)")[0]["hairpin"] == true)
    // A bridge of before gets it too, and CHECK misses it.
    _ = try node.run("ip link set cni0 type bridge nf_call_iptables 0")
    #expect(try node.check(pod).status == 1)
    _ = try node.add("next")
    #expect(try node.check(pod).status == 0)
    // The default has no use for it.
    let plain = try WiredNode(.bridge)
    _ = try plain.add("pod")
    #expect(try plain.json("ip -j -d link show cni0")[0]["linkinfo"]["info_data"]["nf_call_iptables"] == 0)
  }

  /// Pods of another wiring stay reachable; only those of a shared prefix look for routed ones on their own link.
  @Test(arguments: [[WiringMode.routed, .bridge, .routed], [.sharedBridge, .bridge, .sharedBridge]])
  func aWiringCanBeChangedPodByPod(_ wirings: [WiringMode]) throws {
    let node = try WiredNode(.bridge)
    var pods = [try node.add("bridge")]
    for wiring in wirings {
      node.configuration.wiring = wiring
      pods.append(try node.add("\(wiring)-\(pods.count)"))
    }
    for pod in pods { try node.serve(pod) }
    for first in pods {
      for second in pods where second.name != first.name {
        for family in IPFamily.allCases {
          let answer = try node.ask("tcp", second.address(family), from: first.namespace)
          #expect(answer == "\(second.name) \(first.address(family))")
        }
      }
    }
    // DEL needs not know how a pod was wired.
    for pod in pods { try node.delete(pod) }
    #expect(try node.json("ip -j link show type veth").elements.count == 1)
    for family in ["bridge", "inet"] {
      #expect(try !node.run("nft list table \(family) swiftlet-spoofing").output.contains("elements"))
    }
  }

  @Test(arguments: [WiringMode.bridge, .routed], [1400, 1500])
  func theMTUMayChange(_ wiring: WiringMode, _ mtu: Int) throws {
    let node = try WiredNode(wiring)
    let old = try node.add("old")
    node.configuration.mtu = mtu
    let new = try node.add("new")
    for (pod, value) in [(old, 1450), (new, mtu)] {
      try node.serve(pod)
      #expect(try node.json("ip -j link show eth0", in: pod.namespace)[0]["mtu"] == .int(Int64(value)))
      #expect(try node.json("ip -j link show \(pod.hostName)")[0]["mtu"] == .int(Int64(value)))
    }
    if wiring == .bridge { #expect(try node.json("ip -j link show cni0")[0]["mtu"] == .int(Int64(min(1450, mtu)))) }
    for family in IPFamily.allCases {
      #expect(try node.ask("bulk", new.address(family), from: old.namespace) == "300000")
      #expect(try node.ask("bulk", old.address(family), from: new.namespace) == "300000")
    }
    try node.delete(old)
    if wiring == .bridge { #expect(try node.json("ip -j link show cni0")[0]["mtu"] == .int(Int64(mtu))) }
  }

  /// The kernel gives a link with such an MTU no IPv6 at all.
  @Test(arguments: WiringMode.allCases)
  func anMTUTooSmallForIPv6IsNoObstacle(_ wiring: WiringMode) throws {
    let node = try WiredNode(wiring, [.v4])
    node.configuration.mtu = 1000
    let (a, b) = (try node.add("a"), try node.add("b"))
    #expect(try node.run("ping -c 1 -W 5 \(b.address(.v4))", in: a.namespace).status.isSuccess)
  }

  @Test(arguments: [WiringMode.bridge, .routed])
  func theGatewayOfAnOldRangeGoesWithItsLastPod(_ wiring: WiringMode) throws {
    let node = try WiredNode(wiring)
    func gateways() throws -> Set<String> {
      Set(
        try node.json("ip -j addr show cni0")[0]["addr_info"].elements
          .filter { $0["scope"] == "global" }.compactMap { $0["local"].string })
    }
    let (first, second) = (try node.add("first"), try node.add("second"))
    // What somebody else put there is theirs.
    _ = try node.run("ip addr add 10.9.9.9/24 dev cni0")
    node.configuration.podRanges = [Prefix("10.244.7.0/24")!, Prefix("fd00:7::/64")!]
    let third = try node.add("third")
    let all: Set = ["10.244.1.1", "fd00:1::1", "10.244.7.1", "fd00:7::1", "10.9.9.9"]
    #expect(try gateways() == all)
    for family in IPFamily.allCases {
      #expect(try node.run("ping -c 1 -W 5 \(first.address(family))", in: third.namespace).status.isSuccess)
    }
    try node.delete(first)
    #expect(try gateways() == all)
    try node.delete(second)
    #expect(try gateways() == ["10.244.7.1", "fd00:7::1", "10.9.9.9"])
    // Without pods, the next ADD sees to it.
    node.configuration.podRanges = [Prefix("10.244.8.0/24")!, Prefix("fd00:8::/64")!]
    try node.delete(third)
    _ = try node.add("fourth")
    #expect(try gateways() == ["10.244.8.1", "fd00:8::1", "10.9.9.9"])
  }

  /// A flow that was translated to a pod's address does not go to the next pod that has the address.
  @Test(arguments: [WiringMode.bridge, .routed])
  func anAddressIsUsedAgainWithoutMemories(_ wiring: WiringMode) throws {
    let node = try WiredNode(wiring)
    func run(_ command: String, in place: NetworkNamespace? = nil) throws -> String {
      try node.run(command, in: place).output
    }
    let table = "table inet test { chain in { type nat hook prerouting priority -100; "
    func forward(_ rules: String) throws {
      let result = try ChildProcess.run(
        ["nft", "-f", "-"],
        input: Array(
          "table inet test\ndelete table inet test\n\(table) \(rules) }; chain post { type nat hook postrouting priority 100; }; }\n"
            .utf8),
        namespace: node.namespace)
      try #require(result.status.isSuccess, "\(result.errorOutput)")
    }
    let first = try node.add("first")
    let other = try node.add("other")
    for pod in [first, other] { try node.serve(pod) }
    try forward(
      "iifname up0 udp dport 9000 dnat ip to 10.244.1.2:8080; iifname up0 meta nfproto ipv6 udp dport 9000 dnat ip6 to [fd00:1::2]:8080;"
    )
    let flow = """
      import socket, sys
      for address in ("192.0.2.1", "2001:db8::1"):
          s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
          s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("", 40000)); s.settimeout(2); s.connect((address, 9000)); s.send(b"x")
          try: print(s.recv(100).decode().split()[0])
          except OSError: print("silence")
      """
    #expect(try node.python(flow, [], in: node.world) == "first\nfirst\n")
    // An address that is nobody's business.
    _ = try node.ask("udp", other.address(.v4), from: node.world)
    let others = try run("conntrack -L -d 10.244.1.3").split(separator: "\n").count
    #expect(others == 1)

    // The mapping goes with the pod; another pod gets the address.
    try node.delete(first)
    #expect(try !run("conntrack -L").contains("10.244.1.2"))
    #expect(try !run("conntrack -L -f ipv6").contains("fd00:1::2"))
    #expect(try run("conntrack -L -d 10.244.1.3").split(separator: "\n").count == others)
    try forward(
      "iifname up0 udp dport 9000 dnat ip to 10.244.1.3:8080; iifname up0 meta nfproto ipv6 udp dport 9000 dnat ip6 to [fd00:1::3]:8080;"
    )
    let next = WiredNode.Pod(name: "next", namespace: try NetworkNamespace.create())
    let answer = try node.call("ADD", next.environment) { $0["args"] = ["cni": ["ips": ["10.244.1.2", "fd00:1::2"]]] }
    try #require(answer.status == 0, "\(answer.output)")
    try #require(answer.output["ips"][0]["address"] == "10.244.1.2/32", "\(answer.output)")
    try node.serve(next)
    // The client goes on from the same port: it reaches what the mapping is now, and the new pod is reached anew.
    #expect(try node.python(flow, [], in: node.world) == "other\nother\n")
    for family in IPFamily.allCases {
      #expect(try node.ask("udp", family == .v4 ? "10.244.1.2" : "fd00:1::2", from: node.world).hasPrefix("next "))
      #expect(try node.ask("udp", family == .v4 ? "10.244.1.2" : "fd00:1::2", from: other.namespace).hasPrefix("next "))
    }
  }

  @Test func theBridgeKeepsItsEthernetAddress() throws {
    let node = try WiredNode(.bridge)
    let mac = "0a:58:0a:f4:01:01"
    let pod = try node.add("first")
    // A port with a lower address would take over a bridge that has none of its own.
    _ = try node.run("ip link add low type veth peer name low2")
    _ = try node.run("ip link set low address 02:00:00:00:00:01 master cni0 up")
    #expect(try node.json("ip -j link show cni0")[0]["address"].string == mac)
    // Somebody's policy gives links addresses of its own; what ADD answers is what is there.
    let reported = pod.result["interfaces"].elements.first { $0["name"] == "cni0" }
    #expect(reported?["mac"].string == mac)
    _ = try node.run("ip link set cni0 address 0a:58:0a:f4:01:99")
    let second = try node.add("second")
    #expect(
      second.result["interfaces"].elements.first { $0["name"] == "cni0" }?["mac"] == "0a:58:0a:f4:01:99")
    #expect(try node.run("ping -c 1 -W 5 10.244.1.1", in: second.namespace).status.isSuccess)
  }
}
