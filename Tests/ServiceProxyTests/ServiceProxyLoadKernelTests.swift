import Addressing
import ClusterModel
import Linux
import Netlink
import ServiceProxy
import Testing

/// A large cluster; prints what things took, asserts only that the kernel holds it.
@Suite(.serialized) struct ServiceProxyLoadKernelTests {
  @Test(arguments: [(2_000, 5), (10_000, 10)]) func manyServices(_ size: (services: Int, endpoints: Int)) throws {
    let namespace = try NetworkNamespace.create()
    let configuration = ServiceProxyConfiguration(
      nodeName: "n", localPodRanges: [Prefix("10.244.0.0/24")!], serviceRanges: [Prefix("10.96.0.0/12")!])
    func service(_ number: Int, shift: Int = 0) -> ServiceWithEndpoints {
      let endpoints = (0..<size.endpoints).map { index in
        Fixture.endpoint(IPAddress(.v4, number: UInt128(0x0AF4_0000 + number * 16 + index + shift)).description)
      }
      return Fixture.service(
        "service-\(number)", [IPAddress(.v4, number: UInt128(0x0A60_0001 + number)).description], endpoints: endpoints)
    }
    let services = (0..<size.services).map { service($0) }
    let proxy = try ServiceProxy(configuration, namespace: namespace)
    let clock = ContinuousClock()
    let load = try clock.measure { try proxy.sync(full: services) }
    let restarted = try ServiceProxy(configuration, namespace: namespace)
    let restart = try clock.measure { try restarted.sync(full: services) }
    #expect(restarted.statistics.elements == 0)

    // One endpoint is replaced by another.
    let rounds = 500
    let changed = (0..<rounds).map { service($0 % size.services, shift: $0 / size.services + 1) }
    let update = try clock.measure {
      for service in changed { try restarted.update(service: service.service.id, to: service) }
    }
    #expect(restarted.statistics.commits == rounds)
    let slots = try NFTablesSocket(namespace: namespace).elements(of: "slots4", in: ServicesLayout.table)
    #expect(slots.count == size.services * size.endpoints)
    print(
      "\(size.services) Services x \(size.endpoints) endpoints: load \(load), restart without differences \(restart), "
        + "one endpoint replaced \(update / rounds)")
  }
}
