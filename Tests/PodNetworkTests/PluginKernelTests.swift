import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Synchronization
import Testing

@testable import PodNetwork

@Suite(.serialized) struct PluginKernelTests {
  @Test func twoPodsOfANodeReachEachOtherThroughTheGateway() throws {
    let node = try TestNode()
    let first = try node.pod("first")
    let second = try node.pod("second")
    let a = try node.add(first)
    let b = try node.add(second)
    #expect(address(a) == "10.244.1.2" && address(b) == "10.244.1.3")
    #expect(a["ips"][0]["address"] == "10.244.1.2/32" && a["ips"][1]["address"] == "fd00:1::2/128")
    #expect(a["interfaces"][2]["sandbox"] == .string(first.path))

    // Both families, both ways, and the node itself; the first packet too, so neighbours are known.
    for command in ["ping -c 1 -W 5 \(address(b))", "ping -c 1 -W 5 \(address(b, .v6))", "ping -c 1 -W 5 10.244.1.1"] {
      let result = try node.run(command, in: first.namespace)
      #expect(result.status.isSuccess, "\(command): \(result.output)")
    }
    #expect(try node.run("ping -c 1 -W 5 \(address(a, .v6))").status.isSuccess)
    // One hop between them: what is sent with a hop limit of 1 does not arrive.
    #expect(try !node.run("ping -c 1 -W 1 -t 1 \(address(b))", in: first.namespace).status.isSuccess)

    let server = try ChildProcess(
      ["socat", "TCP-LISTEN:8080,fork,reuseaddr", "EXEC:printenv SOCAT_PEERADDR"], standardError: .null,
      namespace: second.namespace, newSession: true)
    defer {
      kill(-server.pid, SIGKILL)
      server.wait()
    }
    let client = try node.run("socat -u TCP:\(address(b)):8080,retry=50,interval=0.1 -", in: first.namespace)
    #expect(client.output == "\(address(a))\n", "\(client.errorOutput)")
  }

  @Test func wiringIsAsDocumented() throws {
    let node = try TestNode()
    let pod = try node.pod("pod")
    let result = try node.add(pod)
    let inside = try node.json("ip -j addr show dev eth0", in: pod.namespace)[0]
    #expect(inside["mtu"] == 1450 && inside["address"] == "0a:58:0a:f4:01:02" && inside["operstate"] == "UP")
    let v6 = inside["addr_info"].elements.first { $0["local"] == "fd00:1::2" } ?? .null
    #expect(v6["prefixlen"] == 128 && v6["tentative"] == .null)
    let routes = try node.json("ip -j route show", in: pod.namespace).elements
    #expect(routes.map { $0["dst"].string } == ["default", "10.244.1.1"])
    #expect(routes[0]["gateway"] == "10.244.1.1" && routes[1]["scope"] == "link")
    #expect(try node.json("ip -j link show lo", in: pod.namespace)[0]["flags"].elements.contains("UP"))

    let bridge = try node.json("ip -j addr show dev cni0")[0]
    #expect(bridge["mtu"] == 1450 && bridge["address"] == "0a:58:0a:f4:01:01")
    let held = bridge["addr_info"].elements.map { "\($0["local"].string ?? "")/\($0["prefixlen"].int ?? 0)" }
    #expect(held.contains("10.244.1.1/24") && held.contains("fd00:1::1/64"))
    let hostName = try #require(result["interfaces"][1]["name"].string)
    let outside = try node.json("ip -j link show \(hostName)")[0]
    #expect(outside["master"] == "cni0" && outside["mtu"] == 1450 && outside["ifalias"] == "swiftlet-cni pod eth0")
    #expect(outside["address"] == result["interfaces"][1]["mac"])
    #expect(try node.json("ip -j route show 10.96.0.0/16")[0]["dev"] == "cni0")
    let neighbour = try node.json("ip -j neigh show 10.244.1.2")[0]
    #expect(neighbour["lladdr"] == inside["address"] && neighbour["state"] == ["PERMANENT"])
    for (name, value) in [
      ("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/send_redirects", "0"),
      ("net/ipv4/conf/cni0/send_redirects", "0"), ("net/ipv6/conf/all/forwarding", "1"),
    ] {
      #expect(try Sysctl.read(name, in: node.namespace) == value, "\(name)")
    }
    // The bridge's address does not change when ports come and go.
    #expect(try node.call("DEL", pod.environment).status == 0)
    #expect(try node.json("ip -j link show cni0")[0]["address"] == "0a:58:0a:f4:01:01")
  }

  @Test func deleteIsIdempotentAndNeedsNoNamespace() throws {
    let node = try TestNode()
    for variation in ["same", "empty", "gone", "unknown"] {
      let pod = try node.pod("pod-\(variation)")
      let result = variation == "unknown" ? JSON.null : try node.add(pod)
      var environment = pod.environment
      switch variation {
      case "empty": environment["CNI_NETNS"] = ""
      case "gone": environment["CNI_NETNS"] = "/run/netns/swt-podnet-gone"
      default: break
      }
      for attempt in 0..<2 {
        let answer = try node.call("DEL", environment, previousResult: attempt == 0 ? result : .null)
        #expect(answer.status == 0 && answer.output == .null, "\(variation): \(answer.output)")
        #expect(try Files.list("\(node.directory)/swiftlet").allSatisfy { IPAddress($0) == nil })
        #expect(try node.json("ip -j link show type veth").elements.isEmpty)
        #expect(try node.json("ip -j neigh show dev cni0 nud permanent").elements.isEmpty)
        #expect(try node.json("ip -j link show", in: pod.namespace).elements.count == 1)
      }
    }
    // Also on a node that never had a pod.
    #expect(try TestNode().call("DEL", ["CNI_CONTAINERID": "x", "CNI_IFNAME": "eth0"]).status == 0)
  }

  @Test func sixteenAtOnceGetAddressesOfTheirOwn() throws {
    let node = try TestNode()
    let pods = try (0..<16).map { try node.pod("pod-\($0)") }
    let plugin = try TestNode.plugin()
    let input = node.configuration.request().bytes()
    let namespace = node.namespace
    let results = Mutex<[JSON]>([])
    let threads = pods.map { pod in
      let environment = pod.environment.merging(["CNI_COMMAND": "ADD"]) { $1 }
      return Linux.Thread("add") {
        let result = try? ChildProcess.run([plugin], input: input, environment: environment, namespace: namespace)
        let json = result.flatMap { try? JSON(parsing: $0.standardOutput) } ?? .null
        results.withLock { $0.append(json) }
      }
    }
    for thread in threads { thread.join() }
    let all = results.withLock { $0 }
    #expect(Set(all.map { address($0) }).count == 16 && Set(all.map { address($0, .v6) }).count == 16, "\(all)")
    #expect(try node.json("ip -j link show master cni0").elements.count == 16)
    for pod in pods {
      #expect(try node.run("ping -c 1 -W 5 10.244.1.1", in: pod.namespace).status.isSuccess)
    }
    let valid: JSON = .array([["containerID": "pod-3", "ifname": "eth0"]])
    let collected = try node.call("GC", [:]) { $0["cni.dev/valid-attachments"] = valid }
    #expect(collected.status == 0, "\(collected.output)")
    #expect(try node.json("ip -j link show master cni0").elements.map { $0["ifalias"] } == ["swiftlet-cni pod-3 eth0"])
    #expect(try Files.list("\(node.directory)/swiftlet").filter { IPAddress($0) != nil }.count == 2)
  }

  @Test func checkSeesWhatWasChanged() throws {
    let breakages: [(command: String, insidePod: Bool, part: String)] = [
      ("ip link set eth0 mtu 1400", true, "MTU 1400"), ("ip addr del 10.244.1.2/32 dev eth0", true, "10.244.1.2/32"),
      ("ip route del default", true, "0.0.0.0/0"), ("ip link del eth0", true, "eth0 is missing"),
      ("ip addr del 10.244.1.1/24 dev cni0", false, "gateway address 10.244.1.1"),
      ("ip link set cni0 down", false, "cni0 is down"),
    ]
    for breakage in breakages {
      let node = try TestNode()
      let pod = try node.pod("pod")
      let result = try node.add(pod)
      let before = try node.call("CHECK", pod.environment, previousResult: result)
      #expect(before.status == 0 && before.output == .null, "\(before.output)")
      #expect(try node.run(breakage.command, in: breakage.insidePod ? pod.namespace : nil).status.isSuccess)
      let after = try node.call("CHECK", pod.environment, previousResult: result)
      #expect(after.status == 1 && after.output["code"] == 102)
      #expect(after.output["details"].string?.contains(breakage.part) == true, "\(after.output)")
    }
  }

  @Test func errorsLeaveNothingBehind() throws {
    let node = try TestNode()
    let pod = try node.pod("pod")
    var environment = pod.environment
    environment["CNI_NETNS"] = "/run/netns/swt-podnet-none"
    #expect(try node.call("ADD", environment).output["code"] == 8)
    environment["CNI_NETNS"] = "/proc/self/ns/net"
    #expect(try node.call("ADD", environment).output["code"] == 8)
    environment["CNI_NETNS"] = "/etc/hostname"
    #expect(try node.call("ADD", environment).output["code"] == 8)
    #expect(!Files.exists("\(node.directory)/swiftlet"))

    // A second ADD is refused and does not take a second address.
    _ = try node.add(pod)
    let again = try node.call("ADD", pod.environment)
    #expect(again.status == 1 && again.output["msg"].string?.contains("already") == true)
    #expect(try Files.list("\(node.directory)/swiftlet").filter { IPAddress($0) != nil }.count == 2)

    // A bridge that is none.
    let other = try node.pod("other")
    #expect(try node.run("ip link add wrong type veth peer name wrong2").status.isSuccess)
    let wrong = try node.call("ADD", other.environment) { $0["bridge"] = "wrong" }
    #expect(wrong.output["code"] == 7, "\(wrong.output)")
    #expect(try Files.list("\(node.directory)/swiftlet").filter { IPAddress($0) != nil }.count == 2)
  }

  @Test func aLinkLeftByAnInterruptedAddIsReplaced() throws {
    let node = try TestNode()
    let pod = try node.pod("pod")
    let name = PodLink.hostName(.init(containerID: "pod", interfaceName: "eth0"))
    #expect(try node.run("ip link add \(name) type veth peer name leftover").status.isSuccess)
    _ = try node.add(pod)
    #expect(try node.run("ping -c 1 -W 5 10.244.1.1", in: pod.namespace).status.isSuccess)
    #expect(try !node.run("ip link show leftover").status.isSuccess)
  }

  @Test func aFullRangeIsAnErrorAndStatusSaysSo() throws {
    let node = try TestNode(["10.244.1.0/30"])
    #expect(try node.call("STATUS", [:]).status == 0)
    let pod = try node.pod("pod")
    _ = try node.add(pod)
    let status = try node.call("STATUS", [:])
    #expect(status.status == 1 && status.output["code"] == 50)
    let full = try node.call("ADD", try node.pod("other").environment)
    #expect(full.output["code"] == 101, "\(full.output)")
    #expect(try node.call("DEL", pod.environment).status == 0)
    _ = try node.add(try node.pod("third"))
  }

  @Test(.enabled(if: Files.exists("/usr/lib/cni/host-local")))
  func debiansHostLocalReadsOurLeasesAndWeReadItsOwn() throws {
    let node = try TestNode(["10.244.1.0/24"])
    _ = try node.add(try node.pod("ours"))
    func hostLocal(_ command: String, _ id: String) throws -> ChildProcess.Result {
      var configuration = node.configuration.request()
      configuration["cniVersion"] = "0.4.0"
      return try ChildProcess.run(
        ["/usr/lib/cni/host-local"], input: configuration.bytes(),
        environment: [
          "CNI_COMMAND": command, "CNI_CONTAINERID": id, "CNI_NETNS": "/x", "CNI_IFNAME": "eth0", "CNI_PATH": "/",
        ])
    }
    let theirs = try hostLocal("ADD", "theirs")
    #expect(try JSON(parsing: theirs.standardOutput)["ips"][0]["address"] == "10.244.1.3/24", "\(theirs.output)")
    // The same attachment again: it finds our file and refuses.
    #expect(try !hostLocal("ADD", "ours").status.isSuccess)
    #expect(address(try node.add(try node.pod("next"))) == "10.244.1.4")
    #expect(try hostLocal("DEL", "ours").status.isSuccess)
    #expect(!Files.exists("\(node.directory)/swiftlet/10.244.1.2"))
    #expect(try node.call("DEL", ["CNI_CONTAINERID": "theirs", "CNI_IFNAME": "eth0"]).status == 0)
    #expect(!Files.exists("\(node.directory)/swiftlet/10.244.1.3"))
  }

  @Test func configurationIsWrittenOnce() throws {
    let node = try TestNode()
    let path = "\(node.directory)/conf/10-swiftlet.conflist"
    #expect(try node.configuration.write(to: path))
    #expect(try !node.configuration.write(to: path))
    #expect(try JSON(parsing: try Files.read(path)) == node.configuration.list)
    node.configuration.serviceRanges = [Prefix("10.244.0.0/16")!]
    #expect(throws: CNIError.self) { try node.configuration.write(to: path) }
  }
}
