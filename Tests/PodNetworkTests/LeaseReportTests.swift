import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Testing

@testable import PodNetwork

@Suite struct LeaseReportTests {
  private func attachment(_ id: String) -> LeaseStore.Attachment { .init(containerID: id, interfaceName: "eth0") }

  @Test func everyFindingIsFound() throws {
    try LeaseTests.withStore { store in
      let sets = [
        try LeaseTests.set([["subnet": "10.0.0.0/24", "rangeEnd": "10.0.0.99"]]),
        try LeaseTests.set([["subnet": "fd00::/64"]]),
      ]
      for id in ["live", "orphan", "lost"] { _ = try store.lease(sets, to: attachment(id), pod: "default/\(id)") }
      let live = LiveLinks(aliases: ["live", "lost"].map { PodLink.alias(attachment($0)) })
      func report(others: [String: LeaseStore] = [:]) throws -> LeaseReport {
        try LeaseReport(store, network: "net", sets: sets, live: live, others: others)
      }
      #expect(try report().findings.map(\.kind) == ["orphan", "orphan"])
      #expect(try report().usage.map(\.taken) == [3, 3])

      try Files.remove("\(store.directory)/fd00::4")
      try Files.write("\(store.directory)/10.0.0.20", "")
      try Files.write("\(store.directory)/10.0.0.21", "the printer")
      try Files.write("\(store.directory)/10.0.0.1", "other\r\neth0")
      try Files.write("\(store.directory)/10.0.0.200", "far\r\neth0")
      try Files.write("\(store.directory)/10.0.0.30", "twice\r\neth0")
      try Files.write("\(store.directory)/10.0.0.31", "twice\r\neth0")
      try Files.write("\(store.directory)/fd00:0::77", "long\r\neth0")
      try store.index.begin(LeaseRecord(attachment("dead"), boot: "-", pod: nil, addresses: [IPAddress("10.0.0.9")!]))
      let second = LeaseStore(dataDirectory: Files.parent(of: store.directory), network: "second")
      _ = try second.lease([sets[0]], to: attachment("elsewhere"))
      let found = try report(others: ["second": second]).findings
      let kinds = Dictionary(grouping: found, by: \.kind).mapValues { $0.compactMap { $0.address?.description } }
      #expect(
        kinds == [
          "interrupted": ["10.0.0.9"], "orphan": ["10.0.0.3", "fd00::3"], "lost": ["fd00::4"],
          "empty": ["10.0.0.20"], "foreign": ["10.0.0.21"], "gateway": ["10.0.0.1"], "out-of-range": ["10.0.0.200"],
          "spelling": ["fd00::77"], "duplicate": ["10.0.0.2", "10.0.0.30"],
        ])
      let json = try report().json
      #expect(json["leases"].elements.first { $0["address"] == "10.0.0.3" }?["pod"] == "default/orphan")
      #expect(json["leases"].elements.first { $0["address"] == "10.0.0.2" }?["state"] == "live")
      #expect(json["ranges"][0]["capacity"] == "98")
      let next = LeaseStore(
        dataDirectory: Files.parent(of: store.directory), network: "net",
        boot: BootIdentity(id: "ffffffff-0000", startedAt: Time.wallSeconds + 60))
      let later = try LeaseReport(next, network: "net", sets: nil, live: LiveLinks())
      #expect(later.findings.count { $0.kind == "earlier-boot" } == 10)
    }
  }

  @Test func rangesComeFromTheConfigurationOfThatName() throws {
    try LeaseTests.withStore { store in
      let folder = Files.parent(of: store.directory)
      try Files.write("\(folder)/00-broken.conflist", "{")
      try Files.write(
        "\(folder)/10-other.conf", #"{"name":"other","ipam":{"type":"host-local","subnet":"10.3.0.0/24"}}"#)
      try Files.write(
        "\(folder)/20-net.conflist",
        #"{"name":"net","plugins":[{"type":"tuning"},{"ipam":{"type":"host-local","ranges":[[{"subnet":"10.4.0.0/24"}]]}}]}"#
      )
      try Files.write("\(folder)/30-bad.conf", #"{"name":"bad","ipam":{"type":"host-local","subnet":"10.3.0.1/24"}}"#)
      func subnet(_ name: String) throws -> Prefix? {
        try LeaseNetworks.rangeSets(of: name, configurationDirectory: folder)?[0].ranges[0].subnet
      }
      #expect(try subnet("other") == Prefix("10.3.0.0/24")!)
      #expect(try subnet("net") == Prefix("10.4.0.0/24")!)
      #expect(try subnet("unknown") == nil)
      let error = #expect(throws: CNIError.self) { try subnet("bad") }
      #expect(error?.message.contains("30-bad.conf") == true)
    }
  }
}

@Suite(.serialized) struct IPAMCommandKernelTests {
  /// `swiftlet ipam` in a node's namespace.
  private func ipam(
    _ node: TestNode, _ arguments: String..., in namespace: NetworkNamespace? = nil
  ) throws -> (status: CInt, output: String) {
    let program = Files.parent(of: try TestNode.plugin()) + "/swiftlet"
    let result = try ChildProcess.run(
      [program, "ipam"] + arguments + ["--data-dir", node.directory, "--cni-conf-dir", node.directory],
      namespace: namespace ?? node.namespace, timeout: 60)
    return (result.status.shellCode, result.output + result.errorOutput)
  }

  @Test(arguments: ["bridge", "bridge-shared", "routed"])
  func everyWiringsPodsAreSeenAlive(wiring: String) throws {
    let node = try TestNode()
    let pod = try node.pod("pod")
    let (status, output) = try node.call("ADD", pod.environment) { $0["wiring"] = .string(wiring) }
    try #require(status == 0, "\(output)")
    let attachment = LeaseStore.Attachment(containerID: "pod", interfaceName: "eth0")
    func live() throws -> LiveLinks { try LiveLinks(try RouteSocket(namespace: node.namespace)) }
    #expect(try live().contains(attachment) && live().isNode(bridge: nil))
    #expect(try !live().contains(.init(containerID: "pod", interfaceName: "eth1")))
    // The namespace goes as a killed sandbox's does, its end of the link with it, and ours with that.
    try #require(try node.run("ip link del eth0", in: pod.namespace).status.isSuccess)
    #expect(try !live().contains(attachment))
    #expect(try node.call("DEL", pod.environment) { $0["wiring"] = .string(wiring) }.status == 0)
  }

  @Test func showCheckAndRelease() throws {
    let node = try TestNode()
    try node.configuration.write(to: "\(node.directory)/10-swiftlet.conflist")
    let pods = try ["first", "second"].map { try node.pod($0) }
    for pod in pods {
      var environment = pod.environment
      environment["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-\(pod.id)"
      try #require(try node.call("ADD", environment).status == 0)
    }
    var (status, output) = try ipam(node, "show")
    #expect(status == 0 && output.contains("10.244.1.1-10.244.1.254: 2 of 253 taken"), "\(output)")
    #expect(output.contains("held by namespace default: 4"), "\(output)")
    #expect(output.contains("default/web-second"), "\(output)")
    (status, output) = try ipam(node, "check")
    #expect(status == 0 && output == "swiftlet: 4 leases, nothing wrong\n", "\(output)")

    // The second pod's namespace goes, and its link with it, but no DEL comes.
    let name = try node.json("ip -j link show type veth").elements
      .first { $0["ifalias"].string?.contains("second") == true }?["ifname"].string
    try #require(try node.run("ip link del \(try #require(name))").status.isSuccess)
    (status, output) = try ipam(node, "check", "-o", "json")
    let report = try JSON(parsing: output)[0]
    #expect(status == 1 && report["findings"].elements.map { $0["kind"] } == ["orphan", "orphan"], "\(output)")
    #expect(report["findings"].elements.map { $0["address"] } == ["10.244.1.3", "fd00:1::3"])

    (status, output) = try ipam(node, "release", "10.244.1.2")
    #expect(status == 2 && output.contains("whose link is there"), "\(output)")
    let elsewhere = try NetworkNamespace.create()
    (status, output) = try ipam(node, "release", "10.244.1.3", in: elsewhere)
    #expect(status == 2 && output.contains("may not be the node's"), "\(output)")
    (status, output) = try ipam(node, "release", "sec")
    #expect(status == 2 && output.contains("has no lease"), "\(output)")
    (status, output) = try ipam(node, "release", "fd00:1::3", "--network", "swiftlet")
    #expect(status == 0 && output.contains("10.244.1.3") && output.contains("fd00:1::3"), "\(output)")
    try Files.write("\(node.directory)/swiftlet/10.244.1.77", "the printer")
    #expect(try ipam(node, "release", "10.244.1.77").status == 2)
    #expect(try ipam(node, "release", "10.244.1.77", "--force").status == 0)
    #expect(try ipam(node, "release", "first", "--force").status == 0)
    (status, output) = try ipam(node, "show", "-o", "json")
    #expect(try status == 0 && JSON(parsing: output)[0]["leases"] == [], "\(output)")
    for arguments in ["show --network none", "erase", "release", "show -o yaml"] {
      let words = arguments.split(separator: " ").map(String.init)
      let answer = try words.count == 1 ? ipam(node, words[0]) : ipam(node, words[0], words[1], words[2])
      #expect(answer.status == 2, "\(arguments): \(answer.output)")
    }
  }
}
