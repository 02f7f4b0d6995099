import Addressing
import ClusterModel
import Glibc
import Linux
import Testing

@testable import ClusterDNS

/// A cluster of the size that the project promises: 10,000 Services with 100,000 endpoints.
@Suite(.serialized) struct SizeTests {
  static let services = 10_000
  static let endpointsEach = 10

  static func input(_ number: Int) -> ServiceWithEndpoints {
    let id = NamespacedName("namespace-\(number % 100)", "service-\(number)")
    var service = Service(id: id)
    service.ports = [Service.Port(name: "http", port: 80)]
    service.isHeadless = number % 2 == 0
    if !service.isHeadless {
      service.clusterAddresses = [.v4(IPv4Address(rawValue: 0x0A60_0000 + UInt32(number)))]
    }
    let endpoints = (0..<endpointsEach).map { index in
      EndpointSlice.Endpoint(.v4(IPv4Address(rawValue: 0x0AF4_0000 + UInt32(number * endpointsEach + index))))
    }
    return ServiceWithEndpoints(
      service: service,
      slices: [Samples.slice(id, .v4, [EndpointSlice.Port(name: "http", port: 8080)], endpoints)])
  }

  /// Resident bytes of this process.
  private func resident() throws -> Int {
    let words = try Files.readText("/proc/self/statm").split(separator: " ")
    return (Int(words[1]) ?? 0) * sysconf(CInt(_SC_PAGESIZE))
  }

  /// What the zone takes beyond the objects themselves, which an agent has anyway. Other tests run beside this one, so that
  /// the bound is not met by a hair.
  @Test func memoryBesideTheObjects() throws {
    let objects = (0..<Self.services).map(Self.input)
    let zone = ClusterZone(zone: try DomainName(parsing: "cluster.local"))
    let before = try resident()
    zone.replaceAll(objects, pods: [Pod](), namespaces: [String]())
    let used = try resident() - before
    print("DNS: the zone of 10,000 Services and 100,000 endpoints takes \(used >> 20) MiB beside the objects")
    #expect(used < 64 << 20, "\(used >> 20) MiB")
    let responder = Samples.responder(zone)
    // All of it is there.
    for number in [0, 1, 5_000, 9_999] {
      let name = "service-\(number).namespace-\(number % 100).svc.cluster.local"
      #expect(responder.reply(name)?.answers.count == (number % 2 == 0 ? 10 : 1), "\(name)")
    }
    #expect(objects.count == Self.services)
  }
}
