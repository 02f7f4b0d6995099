import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// An address of a pool from the client's first ARP request or neighbour solicitation to the pod's answer: controllers,
/// announcing and Services together, in agents that are processes.
@Suite("Load balancer packets", .serialized, .enabled(if: getuid() == 0))
struct LoadBalancerKernelTests {
  /// Two nodes with a pod each, a client, and the API server, on one Ethernet.
  final class Site {
    let prefix = "swt-lb-\(getpid())"
    let server: TestServer
    let admin: APIClient
    private let manager: ControllerManager
    private var processes: [String: ChildProcess] = [:]

    init() throws {
      server = try TestServer(
        serviceRanges: [Prefix("10.96.0.0/16")!, Prefix("fd00:96::/112")!], serverNames: ["192.0.2.254"])
      admin = APIClient(server.server.transport)
      var options = ControllerOptions()
      options.serviceRanges = [Prefix("10.96.0.0/16")!, Prefix("fd00:96::/112")!]
      options.nodeGracePeriod = 600
      manager = ControllerManager(server.server.transport, options)
      manager.start()
      var script = "set -e\n"
      for name in ["switch", "n1", "n2", "client", "p1", "p2"] {
        script += "ip netns add \(prefix)-\(name); ip -n \(prefix)-\(name) link set lo up\n"
      }
      script += "ip -n \(prefix)-switch link add br0 type bridge mcast_snooping 0\n"
      script += "ip -n \(prefix)-switch address add 192.0.2.254/24 dev br0; ip -n \(prefix)-switch link set br0 up\n"
      for (number, name) in [(1, "n1"), (2, "n2"), (9, "client")] {
        script += """
          ip -n \(prefix)-switch link add \(name) type veth peer name eth0 netns \(prefix)-\(name)
          ip -n \(prefix)-switch link set \(name) master br0 up
          ip -n \(prefix)-\(name) address add 192.0.2.\(number)/24 dev eth0
          ip -n \(prefix)-\(name) address add 2001:db8::\(number)/64 dev eth0 nodad
          ip -n \(prefix)-\(name) link set eth0 up
          ip netns exec \(prefix)-\(name) sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

          """
      }
      for number in [1, 2] {
        let (node, pod, other) = ("\(prefix)-n\(number)", "\(prefix)-p\(number)", 3 - number)
        script += """
          ip -n \(node) link add pod0 type veth peer name eth0 netns \(pod)
          ip -n \(node) address add 10.244.\(number).1/24 dev pod0; ip -n \(node) address add fd00:244:0:\(number)::1/64 dev pod0 nodad
          ip -n \(pod) address add 10.244.\(number).2/24 dev eth0; ip -n \(pod) address add fd00:244:0:\(number)::2/64 dev eth0 nodad
          ip -n \(node) link set pod0 up; ip -n \(pod) link set eth0 up
          ip -n \(pod) route add default via 10.244.\(number).1; ip -n \(pod) route add default via fd00:244:0:\(number)::1
          ip -n \(node) route add 10.244.\(other).0/24 via 192.0.2.\(other)
          ip -n \(node) route add fd00:244:0:\(other)::/64 via 2001:db8::\(other)

          """
      }
      try run(script)
      try server.server.start([.address(IPAddress("192.0.2.254")!, port: 6443, namespace: try namespace("switch"))])
      try Files.write(
        server.folder + "/kubeconfig", try #require(server.server.kubeconfig(server: "https://192.0.2.254:6443")))
      for number in [1, 2] {
        try makeNode(number)
        try startPod(number)
        try startAgent(number)
      }
    }

    deinit {
      for process in processes.values { process.stop(grace: 0) }
      manager.stop()
      for name in ["switch", "n1", "n2", "client", "p1", "p2"] { _ = try? run("ip netns delete \(prefix)-\(name)") }
    }

    @discardableResult
    func run(_ script: String) throws -> String {
      let result = try ChildProcess.run(["sh", "-c", script], timeout: 60)
      try #require(result.status.isSuccess, "\(script)\n\(result.errorOutput)")
      return result.output
    }

    private func namespace(_ name: String) throws -> NetworkNamespace {
      try NetworkNamespace(path: "/run/netns/\(prefix)-\(name)")
    }

    private func makeNode(_ number: Int) throws {
      try admin.create(
        .nodes,
        KubernetesObject([
          "metadata": ["name": .string("n\(number)")],
          "spec": [
            "podCIDR": .string("10.244.\(number).0/24"),
            "podCIDRs": [.string("10.244.\(number).0/24"), .string("fd00:244:0:\(number)::/64")],
          ],
        ]))
      try admin.patch(
        .nodes, name: "n\(number)", .merge,
        [
          "status": [
            "addresses": [
              ["type": "InternalIP", "address": .string("192.0.2.\(number)")],
              ["type": "InternalIP", "address": .string("2001:db8::\(number)")],
            ], "conditions": [["type": "Ready", "status": "True"]],
          ]
        ], subresource: "status")
    }

    /// A server that answers with its own name and the client's address, and the object that stands for it.
    private func startPod(_ number: Int) throws {
      let program = """
        import http.server, socket
        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = ("p\(number) " + self.client_address[0].removeprefix("::ffff:")).encode()
                self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
                self.wfile.write(body)
            def log_message(self, *rest): pass
        Server(("::", 8080), Handler).serve_forever()
        """
      processes["p\(number)"] = try ChildProcess(
        ["python3", "-c", program], standardOutput: .null, standardError: .null, namespace: namespace("p\(number)"))
      let pod: JSON = [
        "metadata": ["name": .string("p\(number)"), "namespace": "default", "labels": ["app": "web"]],
        "spec": ["nodeName": .string("n\(number)"), "containers": [["name": "c", "image": "i"]]],
      ]
      try admin.create(.pods, KubernetesObject(pod))
      let addresses: JSON = [["ip": .string("10.244.\(number).2")], ["ip": .string("fd00:244:0:\(number)::2")]]
      try admin.patch(
        .pods, namespace: "default", name: "p\(number)", .merge,
        [
          "status": [
            "phase": "Running", "podIP": .string("10.244.\(number).2"), "podIPs": addresses,
            "conditions": [["type": "Ready", "status": "True"]],
          ]
        ], subresource: "status")
    }

    private func startAgent(_ number: Int) throws {
      let log = try FileDescriptor.open("\(server.folder)/n\(number).log", O_WRONLY | O_CREAT | O_APPEND)
      processes["n\(number)"] = try ChildProcess(
        [
          DeployedAgentKernelTests.Node.program, "agent", "--only=services", "--only=announcing",
          "--kubeconfig=\(server.folder)/kubeconfig", "--node-name=n\(number)", "--pod-range=10.244.0.0/16",
          "--pod-range=fd00:244::/48", "--service-range=10.96.0.0/16", "--service-range=fd00:96::/112",
          "--announce-lease=3", "--state-dir=\(server.folder)/n\(number)",
        ], standardOutput: .descriptor(log.raw), standardError: .descriptor(log.raw),
        namespace: namespace("n\(number)"))
    }

    /// As a node without power: its agent is gone, and so is its link.
    func crash(_ node: String) throws {
      processes[node]?.stop(grace: 0)
      try run("ip -n \(prefix)-switch link set \(node) down")
    }

    /// Which pod answers a client outside, and whom it takes the client for; "" for nobody.
    func ask(_ address: String) throws -> [String] {
      let host = address.contains(":") ? "[\(address)]" : address
      let result = try ChildProcess.run(
        ["ip", "netns", "exec", "\(prefix)-client", "curl", "-s", "-m", "1", "http://\(host)/"], timeout: 10)
      return result.status.isSuccess ? result.output.split(separator: " ").map(String.init) : []
    }

    /// The node whose station the client's kernel sends an address's packets to.
    func holder(_ address: String) throws -> String {
      let neighbours = try JSON(parsing: run("ip -n \(prefix)-client -j neigh show \(address) dev eth0"))
      let station = neighbours[0]["lladdr"].string ?? "none"
      return try ["n1", "n2"].first { node in
        try JSON(parsing: run("ip -n \(prefix)-\(node) -j link show eth0"))[0]["address"].string == station
      } ?? station
    }

    func logs() -> String {
      ["n1", "n2"].map { (try? Files.readText("\(server.folder)/\($0).log")) ?? "" }.joined(separator: "\n")
    }
  }

  /// Of questions to packets, each of which may take a second.
  private static func until(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<40 {
      if try condition() { return true }
      usleep(250_000)
    }
    return false
  }

  @Test func anAddressOfAPoolLeadsToThePodsAndMovesToAnotherNode() throws {
    let site = try Site()
    try site.admin.create(
      .loadBalancerPools,
      KubernetesObject([
        "metadata": ["name": "office"], "spec": ["addresses": ["192.0.2.100-192.0.2.103", "2001:db8::100/126"]],
      ]))
    try site.admin.create(
      .services,
      KubernetesObject([
        "metadata": ["name": "web", "namespace": "default"],
        "spec": [
          "type": "LoadBalancer", "selector": ["app": "web"], "ipFamilyPolicy": "RequireDualStack",
          "ports": [["port": 80, "targetPort": 8080]],
        ],
      ]))
    func addresses() throws -> [String] {
      try site.admin.get(.services, namespace: "default", name: "web").status["loadBalancer", "ingress"].elements
        .compactMap { $0["ip"].string }
    }
    #expect(try Self.until { try addresses().count == 2 })
    let given = try addresses()
    try #require(given.count == 2)

    // Every pod behind both addresses; with the policy Cluster the client is seen as a node.
    for address in given {
      var seen: [String: Set<String>] = [:]
      #expect(
        try Self.until {
          let answer = try site.ask(address)
          if answer.count == 2 { seen[answer[0], default: []].insert(answer[1]) }
          return seen.count == 2
        }, "\(address): \(seen) \(site.logs())")
      #expect(["n1", "n2"].contains(try site.holder(address)))
      for sources in seen.values { #expect(sources.isDisjoint(with: ["192.0.2.9", "2001:db8::9"]), "\(sources)") }
    }

    // With Local the holder's own pod answers, and sees the client.
    try site.admin.patch(
      .services, namespace: "default", name: "web", .merge, ["spec": ["externalTrafficPolicy": "Local"]])
    for address in given {
      let client = address.contains(":") ? "2001:db8::9" : "192.0.2.9"
      #expect(
        try Self.until { try site.ask(address).last == client }, "\(address): \(site.logs())")
      let pod = "p" + (try site.holder(address)).dropFirst()
      for _ in 0..<5 { #expect(try site.ask(address) == [pod, client]) }
    }

    // A range that is added while the agents run: what no Service has is dropped there too.
    func rules() throws -> String {
      try site.run("ip netns exec \(site.prefix)-n1 nft list table inet swiftlet-services")
    }
    #expect(try !rules().contains("10.200.0.0/24"))
    try site.admin.create(
      .serviceCIDRs,
      KubernetesObject(["metadata": ["name": "extra"], "spec": ["cidrs": ["10.200.0.0/24", "fd00:200::/112"]]]))
    #expect(try Self.until { try rules().contains("10.200.0.0/24") && rules().contains("fd00:200::/112") })

    // The holder of the first address loses its power: the other node serves it with its own pod.
    let first = try site.holder(given[0])
    let other = first == "n1" ? "n2" : "n1"
    try site.crash(first)
    let crashed = Time.monotonicSeconds
    for address in given {
      #expect(try Self.until { try site.ask(address).first == "p" + other.dropFirst() }, "\(site.logs())")
      #expect(try site.holder(address) == other)
    }
    print("load balancer: served by the other node \(Int((Time.monotonicSeconds - crashed) * 1000)) ms after a crash")
  }
}
