import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

/// Lists of several plugins, called in the order a runtime calls them, with Debian's plugins beside ours.
@Suite(.serialized, .enabled(if: Files.exists("/usr/lib/cni/portmap"))) struct ChainKernelTests {
  /// A runtime in small (CNI 1.1.0, section 3): capabilities to those that declare them, results handed on.
  private struct Chain {
    let node: TestNode
    let plugins: [JSON]
    var version = "1.0.0"
    /// Capability arguments.
    var arguments: JSON = [:]

    private func run(_ verb: String, _ plugin: JSON, _ previous: JSON, _ pod: TestNode.Pod) throws -> JSON {
      let type = plugin["type"].string ?? ""
      var input = plugin
      input["cniVersion"] = .string(version)
      input["name"] = "chain"
      input["prevResult"] = previous
      for (name, value) in arguments.members where plugin["capabilities", name].bool == true {
        input["runtimeConfig", name] = value
      }
      input["capabilities"] = .null
      let program = type == NetworkConfiguration.pluginType ? try TestNode.plugin() : "/usr/lib/cni/\(type)"
      let result = try ChildProcess.run(
        [program], input: input.bytes(),
        environment: pod.environment.merging([
          "CNI_COMMAND": verb, "CNI_PATH": "/usr/lib/cni", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        ]) { $1 }, namespace: node.namespace, timeout: 60)
      try #require(result.status.isSuccess, "\(verb) by \(type): \(result.output) \(result.errorOutput)")
      return result.standardOutput.isEmpty ? .null : try JSON(parsing: result.standardOutput)
    }

    func add(_ pod: TestNode.Pod) throws -> JSON {
      try plugins.reduce(.null) { try run("ADD", $1, $0, pod) }
    }
    func check(_ pod: TestNode.Pod, _ result: JSON) throws {
      for plugin in plugins { _ = try run("CHECK", plugin, result, pod) }
    }
    func delete(_ pod: TestNode.Pod, _ result: JSON) throws {
      for plugin in plugins.reversed() { _ = try run("DEL", plugin, result, pod) }
    }
  }

  private func own(_ node: TestNode, capabilities: JSON = [:]) -> JSON {
    var plugin = node.configuration.list["plugins"][0]
    plugin["capabilities"] = capabilities
    return plugin
  }

  /// Nothing of the pod is left in links, leases and tables.
  private func expectNothingLeft(_ node: TestNode, _ directory: String) throws {
    #expect(try node.podLinks().isEmpty)
    #expect(try node.json("ip -j link show type ifb").elements.isEmpty)
    let leases = Files.exists(directory) ? try Files.list(directory).filter { IPAddress($0) != nil } : []
    #expect(leases.isEmpty)
    #expect(try HostPorts(node: node.namespace).entries().isEmpty)
  }

  /// Ours makes the link, Debian's tuning, bandwidth and portmap work on it.
  @Test(arguments: ["0.4.0", "1.0.0"])
  func oursFirst(version: String) throws {
    let node = try TestNode()
    let outside = try node.outsider()
    let pod = try node.pod("pod")
    let chain = Chain(
      node: node,
      plugins: [
        own(node), ["type": "tuning", "sysctl": ["net.core.somaxconn": "500"], "mtu": 1400],
        ["type": "bandwidth", "capabilities": ["bandwidth": true]],
        ["type": "portmap", "capabilities": ["portMappings": true], "snat": true],
      ], version: version,
      arguments: [
        "bandwidth": ["ingressRate": 80_000_000, "ingressBurst": 8_000_000],
        "portMappings": [["hostPort": 8080, "containerPort": 80, "protocol": "tcp"]],
      ])
    let result = try chain.add(pod)
    #expect(address(result) == "10.244.1.2" && result["cniVersion"].string == version, "\(result)")
    #expect(try node.json("ip -j link show dev eth0", in: pod.namespace)[0]["mtu"] == 1400)
    #expect(try Sysctl.read("net/core/somaxconn", in: pod.namespace) == "500")
    let server = try Teller(80, in: pod.namespace)
    #expect(try node.ask("192.0.2.1", 8080, in: outside) == "192.0.2.2")
    withExtendedLifetime(server) {}
    let link = try #require(result["interfaces"][1]["name"].string)
    #expect(try node.json("tc -j qdisc show dev \(link) root")[0]["kind"] == "tbf")
    try chain.delete(pod, result)
    try chain.delete(pod, .null)
    try expectNothingLeft(node, "\(node.directory)/chain")
  }

  /// Debian's bridge makes the link; ours takes the place of portmap and bandwidth.
  @Test(arguments: ["0.3.1", "0.4.0", "1.0.0"])
  func oursAfterAnother(version: String) throws {
    let node = try TestNode()
    let outside = try node.outsider()
    let pod = try node.pod("pod")
    let bridge: JSON = [
      "type": "bridge", "bridge": "br-peer", "isGateway": true,
      "ipam": [
        "type": "host-local", "dataDir": .string(node.directory), "ranges": [[["subnet": "10.99.0.0/24"]]],
        "routes": [["dst": "0.0.0.0/0"]],
      ],
    ]
    let chain = Chain(
      node: node,
      plugins: [
        bridge, ["type": "tuning", "mac": "0a:00:00:00:00:07"],
        ["type": "swiftlet-cni", "capabilities": ["portMappings": true, "bandwidth": true]],
      ], version: version,
      arguments: [
        "bandwidth": ["ingressRate": 80_000_000, "egressRate": 80_000_000],
        "portMappings": [["hostPort": 8080, "containerPort": 80, "protocol": "tcp"]],
      ])
    try Sysctl.write("net/ipv4/ip_forward", "1", in: node.namespace)
    let result = try chain.add(pod)
    // The result is what the others said.
    #expect(address(result) == "10.99.0.2" && result["interfaces"].elements.count == 3, "\(result)")
    #expect(result["interfaces"][2]["mac"] == "0a:00:00:00:00:07" || result["interfaces"][2]["mac"] != .null)
    let server = try Teller(80, in: pod.namespace)
    #expect(try node.ask("192.0.2.1", 8080, in: outside) == "192.0.2.2")
    #expect(try node.ask("127.0.0.1", 8080, in: nil) == "10.99.0.1")
    withExtendedLifetime(server) {}
    #expect(try node.json("ip -j link show type ifb").elements.count == 1)
    if version != "0.3.1" {
      try Chain(node: node, plugins: [chain.plugins[2]], version: version, arguments: chain.arguments)
        .check(pod, result)
    }
    try chain.delete(pod, result)
    try expectNothingLeft(node, "\(node.directory)/chain")
  }

  /// Ours in the middle: another plugin made an interface of another name, and ours adds eth0 after it.
  @Test func oursBesideAnother() throws {
    let node = try TestNode()
    let pod = try node.pod("pod")
    let earlier: JSON = [
      "cniVersion": "1.1.0", "interfaces": [["name": "net1", "sandbox": .string(pod.path)]],
      "ips": [["address": "192.0.2.9/24", "interface": 0]], "routes": [], "dns": [:],
    ]
    let (status, result) = try node.call("ADD", pod.environment, previousResult: earlier)
    #expect(status == 0, "\(result)")
    #expect(result["interfaces"].elements.map { $0["name"].string }.last == "eth0")
    #expect(result["ips"].elements.map { $0["interface"].int } == [0, 3, 3])
    let check = try node.call("CHECK", pod.environment, previousResult: result)
    #expect(check.status == 0, "\(check.output)")
    // An earlier plugin that made eth0 is another network.
    var twice = earlier
    twice["interfaces"] = [["name": "eth0", "sandbox": .string(pod.path)]]
    let refused = try node.call("ADD", pod.environment, previousResult: twice)
    #expect(refused.output["code"] == 7 && refused.output["msg"].string?.contains("take ipam out") == true)
    // Without ipam there must be somebody who made the link.
    for previous in [JSON.null, ["cniVersion": "1.1.0"]] {
      let lost = try node.call("ADD", try node.pod("lost").environment, previousResult: previous) { $0["ipam"] = .null }
      #expect(lost.output["code"] == 7, "\(lost.output)")
    }
  }

  @Test func requestedAddressesAndNames() throws {
    let node = try TestNode()
    let pod = try node.pod("pod")
    var environment = pod.environment
    environment["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;IP=fd00:1::77;X=1"
    let (status, result) = try node.call("ADD", environment) { json in
      json["runtimeConfig"] = [
        "ips": ["10.244.1.55/24"], "mac": "0a:58:00:00:00:77", "aliases": ["web"], "dns": ["servers": ["192.0.2.53"]],
      ]
    }
    #expect(status == 0, "\(result)")
    #expect(address(result) == "10.244.1.55" && address(result, .v6) == "fd00:1::77")
    #expect(result["dns"] == ["nameservers": ["192.0.2.53"]])
    #expect(try node.json("ip -j link show dev eth0", in: pod.namespace)[0]["address"] == "0a:58:00:00:00:77")
    let link = try #require(result["interfaces"][1]["name"].string)
    #expect(try node.json("ip -j link show \(link)")[0]["ifalias"] == "swiftlet-cni pod eth0 default/web-0 web")
    #expect(try node.run("ping -c 1 -W 5 10.244.1.1", in: pod.namespace).status.isSuccess)
    // Taken, or outside every range.
    for asked in ["10.244.1.55", "10.7.7.7"] {
      let other = try node.call("ADD", try node.pod("other").environment) {
        $0["runtimeConfig", "ips"] = [.string(asked)]
      }
      #expect(other.status == 1 && other.output["msg"].string?.contains(asked) == true, "\(other.output)")
    }
    // A range of the runtime's own comes before those of the network.
    let third = try node.call("ADD", try node.pod("third").environment) {
      $0["runtimeConfig", "ipRanges"] = [[["subnet": "10.99.0.0/24"]]]
    }
    #expect(third.output["ips"].elements.map { $0["address"].string }.first == "10.99.0.2/32", "\(third.output)")
    #expect(try node.call("DEL", pod.environment).status == 0)
    #expect(try node.call("DEL", pod.environment).status == 0)
  }
}
