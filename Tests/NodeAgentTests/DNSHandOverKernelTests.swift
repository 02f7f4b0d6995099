import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Testing

@testable import NodeAgent

/// An agent's name server that is told to stop: the cluster DNS address goes to the Service that has it, if that has
/// endpoints.
@Suite(.serialized) struct DNSHandOverKernelTests {
  @Test func theServiceTakesOverWhereItCan() throws {
    let node = try NetworkNamespace.create()
    try RouteSocket(namespace: node).perform(.setLink(.name("lo"), .init(isUp: true)))
    let cluster = try StandaloneDNSTests.Cluster()
    try cluster.serve(in: node)
    try cluster.createService("kube-dns", "10.96.0.10")
    func run(_ command: String...) throws -> String {
      try ChildProcess.run(command, namespace: node, timeout: 20).output
    }
    for hasEndpoints in [false, true] {
      if hasEndpoints {
        try cluster.create(
          "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
          [
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "metadata": ["name": "kube-dns-1", "labels": ["kubernetes.io/service-name": "kube-dns"]],
            "ports": [["name": "http", "port": 53]],
            "endpoints": [["addresses": ["10.244.1.2"], "conditions": ["ready": true]]],
          ])
      }
      let agent = try ChildProcess(
        [
          try StandaloneDNSTests.Cluster.program(), "agent", "--only", "dns", "--kubeconfig",
          cluster.folder + "/kubeconfig", "--node-name", "node", "--pod-range", "10.244.0.0/16", "--service-range",
          "10.96.0.0/16", "--cluster-dns", "10.96.0.10", "--upstream-dns", "192.0.2.53", "--data-dir",
          cluster.folder + "/leases", "--cni-conf-dir", cluster.folder + "/cni", "--state-dir", cluster.folder,
        ], standardOutput: .null, standardError: .null, namespace: node)
      defer { agent.stop() }
      let asked = hasEndpoints ? "10-244-1-2.kube-dns" : "kube-dns"
      var answer = ""
      for _ in 0..<100 where answer.isEmpty {
        usleep(100_000)
        answer = try run(
          "dig", "@10.96.0.10", "+short", "+tries=1", "+timeout=1", "\(asked).default.svc.cluster.local"
        ).split(separator: "\n").filter { !$0.hasPrefix(";") }.joined()
      }
      #expect(answer == (hasEndpoints ? "10.244.1.2" : "10.96.0.10"))
      #expect(try run("nft", "list", "tables").contains("swiftlet-dns"))
      // CoreDNS's ports, at the cluster DNS address.
      #expect(try run("curl", "-s", "http://10.96.0.10:8080/health") == "OK")
      #expect(try run("curl", "-s", "http://10.96.0.10:8181/ready") == "OK")
      #expect(try run("curl", "-s", "http://10.96.0.10:9153/metrics").contains("\ncoredns_dns_requests_total{"))
      agent.signal(SIGTERM)
      #expect(agent.wait(timeout: 30) == .exited(0))
      #expect(try run("nft", "list", "tables").contains("swiftlet-dns") == !hasEndpoints)
      #expect(try run("ip", "route", "show", "table", "local").contains("10.96.0.10") == !hasEndpoints)
    }
  }
}
