import Addressing
import Glibc
import JSON
import Lab
import Linux
import Testing

/// Makes and removes the network of a lab of another name, with ip(8) and real packets as judges.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root")) struct TopologyKernelTests {
  static let site = LabSite(
    root: "/tmp/swt-lab-\(getpid())/lab", namespacePrefix: "swt-lab-\(getpid())-", controlGroup: "swt-lab-\(getpid())")

  static func ip(_ node: String, _ arguments: String...) throws -> JSON {
    let result = try ChildProcess.run(
      ["ip", "-j"] + arguments, namespace: try NetworkNamespace(path: site.namespacePath(node)))
    return try JSON(parsing: result.standardOutput)
  }

  /// Runs with a lab of two nodes on a range of its own, and removes it whatever happens.
  static func withTopology(
    _ options: [String] = ["--node-range", "192.168.99.0/24"], _ body: (LabConfiguration, Topology) throws -> Void
  ) throws {
    let lab = try LabPartsTests.configuration(["--nodes", "2"] + options)
    let topology = Topology(site: site, lab: lab)
    try Files.makeDirectories(site.root)
    defer { _ = try? LabRemoval.run(site) }
    try topology.make()
    try body(lab, topology)
  }

  @Test func nodesReachOneAnotherAndTheOutside() throws {
    try Self.withTopology { lab, _ in
      let addresses = try Self.ip("node1", "addr", "show", "dev", "eth0")
      let found = addresses[0]["addr_info"].elements.compactMap { $0["local"].string }
      #expect(found.contains("192.168.99.11"))
      let routes = try Self.ip("node1", "route", "show", "default")
      #expect(routes[0]["gateway"].string == "192.168.99.1")
      for target in ["192.168.99.12", "192.168.99.2", "192.168.99.1", "203.0.113.53", "203.0.113.80"] {
        let result = try ChildProcess.run(
          ["ping", "-c", "1", "-W", "2", target],
          namespace: try NetworkNamespace(path: Self.site.namespacePath("node1")))
        #expect(result.status.isSuccess, "\(target): \(result.output)")
      }
      #expect(
        try Sysctl.read("net/ipv4/ip_forward", in: NetworkNamespace(path: Self.site.namespacePath("node2"))) == "1")
    }
  }

  static func reaches(_ node: String, _ target: String, ttl: Int = 64) throws -> Bool {
    try ChildProcess.run(
      ["ping", "-c", "3", "-i", "0.2", "-W", "1", "-t", String(ttl), target],
      namespace: try NetworkNamespace(path: site.namespacePath(node))
    ).status.isSuccess
  }

  @Test func aRouterBetweenTwoSubnetsInBothFamilies() throws {
    try Self.withTopology(["--family", "46", "--underlay", "routed"]) { lab, _ in
      #expect(lab.workers.map(\.subnetIndex) == [0, 1])
      for address in lab.workers[1].addresses + lab.families.map(OutsideAddresses.resolver) {
        #expect(try Self.reaches("node1", "\(address)"), "\(address)")
      }
      // With a time to live of 1 a packet reaches neighbours, and dies at a router.
      for (address, control) in zip(lab.workers[1].addresses, lab.control.addresses) {
        #expect(try !Self.reaches("node1", "\(address)", ttl: 1), "\(address) is behind a router")
        #expect(try Self.reaches("node1", "\(control)", ttl: 1), "\(control) is a neighbour")
      }
      let addresses = try Self.ip("node2", "-6", "addr", "show", "dev", "eth0")
      let global = addresses[0]["addr_info"].elements.filter { $0["scope"] == "global" }
      #expect(global.map { $0["local"].string } == ["fd00:192:168:77:8000::c"])
      #expect(global.allSatisfy { $0["tentative"].isNull }, "usable at once, without duplicate address detection")
    }
  }

  @Test func aNodeIsCutOffAndConnectedAgain() throws {
    try Self.withTopology(["--family", "46"]) { lab, topology in
      let node = lab.workers[0]
      for address in lab.workers[1].addresses { #expect(try Self.reaches("node1", "\(address)")) }
      try topology.setConnected(node, false)
      for address in lab.workers[1].addresses { #expect(try !Self.reaches("node1", "\(address)")) }
      #expect(try Self.ip("node1", "link", "show", "eth0")[0]["operstate"] == "UP", "its own link does not know")
      try topology.setConnected(node, true)
      for address in lab.workers[1].addresses { #expect(try Self.reaches("node1", "\(address)")) }
      try topology.unplug(node)
      #expect(try Self.ip("node1", "link", "show", "eth0")[0]["operstate"] == "DOWN")
    }
  }

  @Test func theHostGetsNothing() throws {
    func links() throws -> Set<String> {
      Set(
        try JSON(parsing: ChildProcess.run(["ip", "-j", "link"]).standardOutput).elements.compactMap {
          $0["ifname"].string
        })
    }
    func routes() throws -> String { try ChildProcess.run(["ip", "route", "show", "table", "all"]).output }
    let before = (try links(), try routes())
    try Self.withTopology { _, _ in
      let during = (try links(), try routes())
      #expect(during.0 == before.0)
      #expect(during.1 == before.1)
    }
  }

  @Test func nodesComeAndGo() throws {
    try Self.withTopology { lab, topology in
      let node = LabNode(
        name: "late", addresses: [IPAddress("192.168.99.200")!], subnets: [Prefix("192.168.99.0/24")!])
      try topology.add(node)
      #expect(try Self.ip("fabric", "link").elements.contains { $0["ifname"].string == "late" })
      try topology.remove(node)
      #expect(try !Self.ip("fabric", "link").elements.contains { $0["ifname"].string == "late" })
      #expect(!Files.exists(Self.site.namespacePath("late")))
    }
  }

  @Test func removalLeavesNothingAndIsIdempotent() throws {
    try Self.withTopology { _, _ in
      let group = try ControlGroup.create(Self.site.controlGroup)
      let child = try ChildProcess(
        ["sleep", "1000"], namespace: try NetworkNamespace(path: Self.site.namespacePath("node1")), newSession: true)
      try group.add(child.pid)
      let inventory = try LabInventory(Self.site)
      #expect(inventory.processes == [child.pid])
      #expect(inventory.namespaces.count == 4)
      #expect(!inventory.isRunning)

      let removed = try LabRemoval.run(Self.site)
      #expect(removed.contains("1 process"))
      #expect(child.wait(timeout: 5) == .signaled(SIGKILL))
      #expect(try LabInventory(Self.site).isEmpty)
      #expect(try !Files.readText("/proc/self/mountinfo").contains("swt-lab-\(getpid())-"))
      #expect(!Files.exists(group.path))
      #expect(try LabRemoval.run(Self.site).isEmpty)
    }
  }

  @Test func aHalfMadeLabIsRemoved() throws {
    try Files.makeDirectories(Self.site.root)
    _ = try NamespaceFolder.prepare(Self.site.namespaceFolder)
    _ = try NetworkNamespace.create(boundTo: Self.site.namespacePath("node1"))
    // A crash between making the file and mounting on it leaves an empty file.
    try Files.write(Self.site.namespacePath("node2"), "")
    #expect(try LabRemoval.run(Self.site).count == 3)
    #expect(try LabInventory(Self.site).isEmpty)
  }

  @Test func thisKernelWillDo() throws { try Preflight.tryKernel() }
}
