import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// What the options of `swiftlet server` and `swiftlet controllers` do, by processes that are given them.
@Suite("Options of server and controllers", .serialized)
struct ServerOptionTests {
  private static func withServer(_ arguments: [String], number: Int, _ body: (ServerProcess) throws -> Void) throws {
    var template = Array("/tmp/swt-options-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    let server = ServerProcess(folder: folder + "/data", arguments: arguments, number: number)
    try server.start()
    try body(server)
    #expect(server.stop()?.isSuccess == true, "\(server.log)")
  }

  private static func until(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<400 {
      if try condition() { return true }
      usleep(50_000)
    }
    return false
  }

  private static let services = "/api/v1/namespaces/default/services"

  private static func service(_ name: String, _ spec: JSON) -> JSON {
    var service: JSON = ["metadata": ["name": .string(name)], "spec": ["ports": [["port": 80]]]]
    for (key, value) in spec.members { service["spec", key] = value }
    return service
  }

  /// Creates a node, or says that it is well.
  private static func beat(_ server: ServerProcess, _ name: String, _ count: Int = 0) throws {
    let node: JSON = ["metadata": ["name": .string(name)]]
    if count == 0 { try #require(try server.send("POST", "/api/v1/nodes", node).status == 201) }
    let time = Timestamp.now().adding(seconds: Double(count)).description
    let condition: JSON = ["type": "Ready", "status": "True", "lastHeartbeatTime": .string(time)]
    let answer = try server.send(
      "PATCH", "/api/v1/nodes/\(name)/status", ["status": ["conditions": [condition]]],
      type: "application/strategic-merge-patch+json")
    try #require(answer.status == 200, "\(answer.json)")
  }

  @Test func rangesPortsAndNames() throws {
    let arguments = [
      "--pod-range=10.9.0.0/16", "--pod-range=fd00:9::/56", "--node-mask=26", "--node-mask-ipv6=72",
      "--service-range=10.8.0.0/24", "--service-range=fd00:8::/112", "--node-ports=31000-31010",
      "--advertise-address=192.0.2.77", "--cluster-domain=lab.example", "--own-load-balancer-class-only",
    ]
    try Self.withServer(arguments, number: 4) { server in
      try Self.beat(server, "n1")
      #expect(
        try Self.until {
          let ranges = try server.send("GET", "/api/v1/nodes/n1").json["spec", "podCIDRs"].elements.compactMap(\.string)
          return ranges.count == 2 && ranges[0].hasPrefix("10.9.") && ranges[0].hasSuffix("/26")
            && ranges[1].hasPrefix("fd00:9:") && ranges[1].hasSuffix("/72")
        })
      // Eleven ports, each of them once; then none is left, and none outside may be asked for.
      var ports: Set<Int> = []
      for number in 0..<11 {
        let answer = try server.send("POST", Self.services, Self.service("s\(number)", ["type": "NodePort"]))
        #expect(answer.status == 201)
        #expect(answer.json["spec", "clusterIP"].string?.hasPrefix("10.8.0.") == true)
        ports.insert(answer.json["spec", "ports"].elements[0]["nodePort"].int ?? 0)
      }
      #expect(ports == Set(31000...31010))
      let full = try server.send("POST", Self.services, Self.service("full", ["type": "NodePort"]))
      #expect(full.status == 500 && full.json["message"].string?.contains("range is full") == true)
      let outside = try server.send(
        "POST", Self.services, Self.service("out", ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]))
      #expect(outside.status == 422 && outside.json["message"].string?.contains("31000-31010") == true)
      let dual = try server.send("POST", Self.services, Self.service("dual", ["ipFamilyPolicy": "RequireDualStack"]))
      #expect(dual.json["spec", "clusterIPs"].elements[1].string?.hasPrefix("fd00:8::") == true)

      let endpoints = try server.send("GET", "/api/v1/namespaces/default/endpoints/kubernetes")
      #expect(endpoints.json["subsets"].elements[0]["addresses"].elements[0]["ip"] == "192.0.2.77")
      let certificate = try ChildProcess.run(
        ["openssl", "x509", "-in", server.folder + "/server.crt", "-noout", "-ext", "subjectAltName"], timeout: 30)
      #expect(certificate.output.contains("kubernetes.default.svc.lab.example"), "\(certificate.output)")
      #expect(certificate.output.contains("192.0.2.77"), "\(certificate.output)")

      // Services without a class are somebody else's, until `swiftlet controllers` serves them.
      let pool: JSON = ["metadata": ["name": "office"], "spec": ["addresses": ["192.0.2.100-192.0.2.109"]]]
      #expect(try server.send("POST", "/apis/swiftlet.dev/v1/loadbalancerpools", pool).status == 201)
      for (name, policy) in [("s0", JSON.null), ("s1", "swiftlet.dev/load-balancer")] {
        let spec: JSON = ["spec": ["type": "LoadBalancer", "loadBalancerClass": policy]]
        let answer = try server.send("PATCH", "\(Self.services)/\(name)", spec, type: "application/merge-patch+json")
        #expect(answer.status == 200, "\(answer.json)")
      }
      func address(_ name: String) throws -> String? {
        let status = try server.send("GET", "\(Self.services)/\(name)").json["status", "loadBalancer"]
        return status["ingress"].elements.first?["ip"].string
      }
      #expect(try Self.until { try address("s1") != nil })
      #expect(try address("s0") == nil)
      try Self.controllers(server, address)
    }
  }

  /// With and without `--own-class-only`, one leader by the Lease and the identity it is told.
  private static func controllers(_ server: ServerProcess, _ address: (String) throws -> String?) throws {
    let common = [
      "--kubeconfig=\(try server.kubeconfig())", "--controller=load-balancers", "--leader-election=kube-system/test",
    ]
    func holder() throws -> String? {
      try server.send("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/test").json[
        "spec", "holderIdentity"
      ].string
    }
    let first = try server.run(["controllers", "--own-class-only", "--identity=first"] + common)
    #expect(try until { try holder() == "first" }, "\(server.log)")
    usleep(1_000_000)
    #expect(try address("s0") == nil)
    #expect(first.stop(grace: 30)?.isSuccess == true)
    let second = try server.run(["controllers", "--identity=second"] + common)
    #expect(try until { try address("s0") != nil }, "\(server.log)")
    #expect(try holder() == "second")
    #expect(second.stop(grace: 30)?.isSuccess == true)
  }

  /// Node ranges by `swiftlet controllers`, where the server gives none: masks, and what no node may get.
  @Test func rangesByTheControllers() throws {
    try Self.withServer(["--without-scheduler"], number: 5) { server in
      let process = try server.run([
        "controllers", "--kubeconfig=\(try server.kubeconfig())", "--controller=node-ranges",
        "--pod-range=10.9.0.0/24", "--pod-range=fd00:9::/56", "--node-mask=26", "--node-mask-ipv6=60",
        "--service-range=10.9.0.0/25",
      ])
      for name in ["n1", "n2", "n3"] { try Self.beat(server, name) }
      func ranges() throws -> [[String]] {
        try ["n1", "n2", "n3"].map {
          try server.send("GET", "/api/v1/nodes/\($0)").json["spec", "podCIDRs"].elements.compactMap(\.string)
        }
      }
      // The first half is the Services'; so two nodes get one, and the third waits.
      #expect(try Self.until { try ranges().count { $0.count == 2 } == 2 }, "\(server.log)")
      let given = try ranges().filter { !$0.isEmpty }
      #expect(Set(given.map { $0[0] }) == ["10.9.0.128/26", "10.9.0.192/26"])
      #expect(given.allSatisfy { $0[1].hasPrefix("fd00:9:") && $0[1].hasSuffix("/60") })
      #expect(process.stop(grace: 30)?.isSuccess == true)
      // Without a scheduler a pod waits.
      let pod: JSON = ["metadata": ["name": "p"], "spec": ["containers": [["name": "c", "image": "i"]]]]
      #expect(try server.send("POST", "/api/v1/namespaces/default/pods", pod).status == 201)
      usleep(500_000)
      #expect(try server.send("GET", "/api/v1/namespaces/default/pods/p").json["spec", "nodeName"].isNull)
    }
  }

  /// A rate of nothing for few nodes, of a thousand for many of a large zone, which two nodes are: only when the share is
  /// reached is anybody driven away, and then all are.
  @Test func silentNodesAreEmptiedByTheRates() throws {
    let arguments = [
      "--node-monitor-grace-period=2", "--node-eviction-rate=0", "--secondary-node-eviction-rate=1000",
      "--unhealthy-zone-threshold=0.7", "--large-cluster-size-threshold=2",
    ]
    try Self.withServer(arguments, number: 6) { server in
      for number in 0..<5 { try Self.beat(server, "n\(number)") }
      let pod: JSON = ["metadata": ["name": "p"], "spec": ["containers": [["name": "c", "image": "i"]]]]
      #expect(try server.send("POST", "/api/v1/namespaces/default/pods", pod).status == 201)
      // Here is a scheduler.
      #expect(
        try Self.until {
          try server.send("GET", "/api/v1/namespaces/default/pods/p").json["spec", "nodeName"].string != nil
        })
      var count = 0
      func beat(_ names: [String]) throws {
        count += 1
        for name in names { try Self.beat(server, name, count) }
      }
      func taints(_ effect: JSON) throws -> Int {
        let nodes = try server.send("GET", "/api/v1/nodes").json["items"].elements
        return nodes.count { node in
          node["spec", "taints"].elements.contains {
            $0["key"] == "node.kubernetes.io/unreachable" && $0["effect"] == effect
          }
        }
      }
      #expect(
        try Self.until {
          try beat(["n0", "n1"])
          return try taints("NoSchedule") == 3
        })
      for _ in 0..<20 {
        try beat(["n0", "n1"])
        usleep(50_000)
      }
      #expect(try taints("NoExecute") == 0)
      #expect(
        try Self.until {
          try beat(["n0"])
          return try taints("NoExecute") == 4
        })
    }
  }

  @Test(
    arguments: [
      "--node-ports=5", "--node-ports=0-9", "--node-ports=9-5", "--node-ports=1-65536", "--node-mask=31",
      "--node-mask-ipv6=0", "--node-monitor-grace-period=1", "--node-eviction-rate=fast", "--node-eviction-rate=-1",
      "--secondary-node-eviction-rate=1e9", "--unhealthy-zone-threshold=2", "--large-cluster-size-threshold=-1",
      "--listen=localhost", "--listen=1.2.3.4:99999", "--listen-fd=1", "--advertise-address=x", "--pod-range=x",
      "--service-range=10.0.0.0/33", "--own-load-balancer-class-only=yes",
    ])
  func whatCannotBeIsRefused(option: String) throws {
    let folder = "/tmp/swt-never-\(UInt64.random(in: 0 ... .max))"
    let result = try ChildProcess.run(
      [ServerProcess.program, "server", "--data-dir=\(folder)", option], timeout: 20)
    #expect(!result.status.isSuccess)
    #expect(result.errorOutput.contains(String(option.prefix { $0 != "=" })), "\(result.errorOutput)")
    #expect(!Files.exists(folder))
  }

  @Test(
    arguments: [
      ([], "--controller"), (["--controller=clouds"], "--controller"), (["--controller=node-ranges"], "--pod-range"),
      (["--controller=load-balancers", "--leader-election=lease"], "--leader-election"),
      (["--controller=load-balancers", "--health=x"], "--health"),
      (["--controller=node-ranges", "--pod-range=x"], "--pod-range"),
    ])
  func whatControllersCannotDoIsRefused(arguments: [String], option: String) throws {
    let result = try ChildProcess.run([ServerProcess.program, "controllers"] + arguments, timeout: 20)
    #expect(!result.status.isSuccess && result.errorOutput.contains(option), "\(result.errorOutput)")
  }
}
