import Addressing
import ClusterModel
import Netlink
import Testing

@testable import ServiceProxy

/// A Service of ten thousand ports is programmed, and concerns no other.
@Suite struct ManyPortsKernelTests {
  private static func large(_ count: Int) -> ServiceWithEndpoints {
    var service = Service(id: NamespacedName("default", "large"))
    service.clusterAddresses = [IPAddress("10.96.5.5")!, IPAddress("fd00:96::55")!]
    service.ports = (0..<count).map {
      Service.Port(name: "p\($0)", transport: $0 % 3 == 0 ? .udp : .tcp, port: 1000 + UInt16($0))
    }
    // A hundred ports a slice at most, in no order, some in two slices; each has a number of its own at the endpoints.
    var slices: [EndpointSlice] = []
    for first in stride(from: 0, to: count, by: 90) {
      for own in ["10.244.0.11", "fd00:244::b"].compactMap({ IPAddress($0) }) {
        var slice = EndpointSlice(
          id: NamespacedName("default", "large-\(first)-\(own.family)"), service: service.id, family: own.family)
        for number in (first..<min(first + 100, count)).reversed() {
          slice.ports.append(
            EndpointSlice.Port(
              name: "p\(number)", transport: service.ports[number].transport, port: 20000 + UInt16(number)))
        }
        slice.endpoints = [Fixture.endpoint("\(own)")]
        slices.append(slice)
      }
    }
    return ServiceWithEndpoints(service: service, slices: slices)
  }

  /// Many ports at once compile to what each alone does.
  @Test func eachPortIsAsIfItWereAlone() {
    let compiler = ServiceCompiler(nodeName: "n")
    let all = Self.large(200)
    let together = compiler.compile(all).frontends
    #expect(together.count == 400)
    for port in all.service.ports {
      var one = all
      one.service.ports = [port]
      for (key, frontend) in compiler.compile(one).frontends { #expect(together[key] == frontend, "\(key)") }
    }
    #expect(compiler.explain(all).count == 400)
  }

  @Test func tenThousandPorts() throws {
    let node = try TestNode("ports", pods: ["client": 9, "b1": 11])
    let proxy = try ServiceProxy(ServiceProxyKernelTests.configuration, namespace: node.namespace)
    try proxy.sync(full: [ServiceProxyKernelTests.web([11])])
    try proxy.update(service: NamespacedName("default", "large"), to: Self.large(10_000))
    #expect(proxy.refused.isEmpty && proxy.statistics.failures == 0)
    let frontends = try NFTablesSocket(namespace: node.namespace).elements(of: "frontends4", in: ServicesLayout.table)
    #expect(frontends.count == 10_002)
    let chains = node.run("node", "nft list chains inet").split(separator: "\n").count
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 3) == ["b1 10.244.0.9": 3])
    // Reached, where nobody listens.
    #expect(node.client("client", "tcp", "10.96.5.5", 1001, 1) == ["ECONNREFUSED": 1])
    try proxy.update(service: NamespacedName("default", "large"), to: nil)
    #expect(node.run("node", "nft list chains inet").split(separator: "\n").count == chains)
    #expect(node.client("client", "tcp", "10.96.5.5", 1001, 1) == ["TIMEOUT": 1])
    #expect(node.client("client", "udp", "fd00:96::1", 80, 3) == ["b1 fd00:244::9": 3])
  }
}
