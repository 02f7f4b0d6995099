import Addressing
import ClusterDNS
import ClusterModel
import Glibc
import Linux
import Testing

@testable import NodeAgent

/// The name server as the agent composes it: Corefile, health, metrics, explanation.
@Suite struct DNSServiceTests {
  let folder = "/tmp/swt-dns-service-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  let loopback = IPAddress("127.0.0.1")!

  func freePort() throws -> UInt16 {
    let probe = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    try check("bind") { SocketAddress(AddressAndPort(loopback, 0)).bind(probe.raw) }
    return try SocketAddress.bound(probe.raw).port
  }

  func output(_ command: String...) throws -> String { try ChildProcess.run(command).output }

  @Test func corefileHealthAndMetrics() throws {
    try Files.makeDirectories(folder)
    defer { try? Files.removeTree(folder) }
    let (port, http) = (try freePort(), try freePort())
    let path = "\(folder)/Corefile"
    func corefile(_ host: String) -> String {
      ".:\(port) {\n kubernetes cluster.local\n hosts {\n \(host) fixed.example\n fallthrough\n }\n log\n}\n"
    }
    try Files.write(path, corefile("192.0.2.1"))
    var settings = DNSService.Settings()
    settings.corefile = path
    settings.version = "1.2.3"
    settings.health = [AddressAndPort(loopback, http)]
    let service = try DNSService(
      DNSServer.Configuration(listen: [AddressAndPort(loopback, port)]), settings)
    try service.start()
    defer { service.stop() }
    func dig(_ name: String) throws -> String {
      try output("dig", "@127.0.0.1", "-p", "\(port)", name, "+short")
    }
    func get(_ path: String) throws -> String {
      try output("curl", "-s", "-w", " %{http_code}", "http://127.0.0.1:\(http)\(path)")
    }
    // The port is listened at by another thread, a moment later.
    _ = try output("curl", "-s", "--retry", "5", "--retry-connrefused", "http://127.0.0.1:\(http)/health")
    #expect(try get("/health") == "OK 200")
    // Not all objects are known: not ready, and unknown names of the cluster are SERVFAIL.
    #expect(try get("/ready") == "kubernetes 503")
    #expect(try output("dig", "@127.0.0.1", "-p", "\(port)", "x.y.svc.cluster.local").contains("SERVFAIL"))
    service.server.replaceAll([])
    #expect(try get("/ready") == "OK 200")
    #expect(try dig("fixed.example") == "192.0.2.1\n")

    try Files.write(path, corefile("192.0.2.2"))
    service.reload()
    #expect(try dig("fixed.example") == "192.0.2.2\n")
    // A file that cannot be used changes nothing.
    try Files.write(path, ".:\(port) {\n forward . nowhere\n}\n")
    service.reload()
    #expect(try dig("fixed.example") == "192.0.2.2\n")

    let metrics = try get("/metrics")
    for line in [
      "coredns_build_info{version=\"1.2.3\"", "proto=\"udp\",family=\"1\",type=\"A\"} 4",
      "rcode=\"SERVFAIL\",plugin=\"\"} 1", "coredns_reload_failed_total 1",
      "coredns_dns_request_duration_seconds_count",
      "coredns_dns_request_size_bytes_bucket", "coredns_cache_entries", "# TYPE coredns_panics_total counter",
    ] {
      #expect(metrics.contains(line), "\(line) is not in\n\(metrics)")
    }
  }

  @Test func explanationsNameTheObject() throws {
    var service = Service(id: NamespacedName("shop", "web"))
    service.clusterAddresses = [IPAddress("10.96.0.20")!]
    var configuration = DNSServer.Configuration(listen: [AddressAndPort(loopback, 0)])
    configuration.upstreams = [AddressAndPort(IPAddress("192.0.2.53")!, 53)]
    let server = try DNSServer(configuration)
    server.replaceAll([ServiceWithEndpoints(service: service, slices: [])], namespaces: ["default"])
    let lines = server.explain("web.shop", type: "A", namespace: "default").joined(separator: "\n")
    #expect(lines.contains("web.shop.default.svc.cluster.local, web.shop.svc.cluster.local"), "\(lines)")
    #expect(lines.contains("1. zone cluster.local: no object has this name: NXDOMAIN"))
    #expect(lines.contains("2. zone cluster.local: Service shop/web, ClusterIP 10.96.0.20"))
    #expect(!lines.contains("3. "))
    let outside = server.explain("www.example.com", type: "AAAA", namespace: "default").joined(separator: "\n")
    #expect(
      outside.contains("4. asked upstream: 192.0.2.53:53, policy sequential") && outside.contains("not in the cache"))
    #expect(server.explain("x", type: "WHAT", namespace: nil) == ["WHAT is no type of record"])
  }
}
