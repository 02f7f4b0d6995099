import Addressing
import ClusterModel

@testable import ClusterDNS

/// A small cluster with one Service of each kind.
enum Samples {
  static func endpoint(_ addresses: String..., hostname: String? = nil, ready: Bool = true) -> EndpointSlice.Endpoint {
    let addresses = addresses.map { IPAddress($0)! }
    var endpoint = EndpointSlice.Endpoint(addresses[0], others: Array(addresses.dropFirst()))
    endpoint.hostname = hostname
    endpoint.isReady = ready
    return endpoint
  }

  static func slice(
    _ service: NamespacedName, _ family: IPFamily, _ ports: [EndpointSlice.Port], _ endpoints: [EndpointSlice.Endpoint]
  ) -> EndpointSlice {
    var slice = EndpointSlice(
      id: NamespacedName(service.namespace, "\(service.name)-\(family)"), service: service, family: family)
    slice.ports = ports
    slice.endpoints = endpoints
    return slice
  }

  /// A ClusterIP Service with both families, a named and an unnamed port.
  static var web: ServiceWithEndpoints {
    let id = NamespacedName("default", "web")
    var service = Service(id: id)
    service.clusterAddresses = [IPAddress("10.96.0.20")!, IPAddress("fd00:96::20")!]
    service.ports = [Service.Port(name: "http", port: 80), Service.Port(port: 9090)]
    return ServiceWithEndpoints(
      service: service,
      slices: [slice(id, .v4, [EndpointSlice.Port(name: "http", port: 8080)], [endpoint("10.244.1.5")])])
  }

  /// IPv4 alone, so that AAAA is NODATA.
  static var single: ServiceWithEndpoints {
    var service = Service(id: NamespacedName("default", "single"))
    service.clusterAddresses = [IPAddress("10.96.0.21")!]
    service.ports = [Service.Port(port: 80)]
    return ServiceWithEndpoints(service: service, slices: [])
  }

  /// Headless, with a hostname, a dashed name of each family, and an endpoint that is not ready.
  static var db: ServiceWithEndpoints {
    let id = NamespacedName("shop", "db")
    var service = Service(id: id)
    service.isHeadless = true
    service.ports = [Service.Port(name: "sql", port: 5432)]
    let port = EndpointSlice.Port(name: "sql", port: 5432)
    return ServiceWithEndpoints(
      service: service,
      slices: [
        slice(
          id, .v4, [port],
          [
            endpoint("10.244.1.7", hostname: "db-0"), endpoint("10.244.2.8"),
            endpoint("10.244.3.9", hostname: "db-2", ready: false),
          ]),
        slice(id, .v6, [port], [endpoint("fd00:244:1::7", hostname: "db-0"), endpoint("fd00:244:2::")]),
      ])
  }

  /// Headless without a ready endpoint.
  static var empty: ServiceWithEndpoints {
    let id = NamespacedName("shop", "empty")
    var service = Service(id: id)
    service.isHeadless = true
    service.ports = [Service.Port(name: "x", port: 1)]
    return ServiceWithEndpoints(
      service: service,
      slices: [slice(id, .v4, [EndpointSlice.Port(name: "x", port: 1)], [endpoint("10.244.9.9", ready: false)])])
  }

  static func external(_ name: String, _ target: String) -> ServiceWithEndpoints {
    var service = Service(id: NamespacedName("shop", name))
    service.kind = .externalName
    service.externalName = target
    return ServiceWithEndpoints(service: service, slices: [])
  }

  static var pod: Pod {
    var pod = Pod(id: NamespacedName("work", "job-1"))
    pod.addresses = [IPAddress("10.244.4.4")!, IPAddress("fd00:244:4::4")!]
    return pod
  }

  static var services: [ServiceWithEndpoints] {
    [
      web, single, db, empty, external("out", "Example.COM."), external("alias", "web.default.svc.cluster.local"),
      external("literal", "192.0.2.1"), external("loop", "loop2.shop.svc.cluster.local"),
      external("loop2", "loop.shop.svc.cluster.local"),
    ]
  }

  static func zone(synced: Bool = true) -> ClusterZone {
    let zone = ClusterZone(zone: try! DomainName(parsing: "cluster.local"))
    if synced { zone.replaceAll(services, pods: [pod], namespaces: ["quiet"]) }
    return zone
  }

  static func responder(
    _ zone: ClusterZone?, pods: PodRecords = .insecure, upstreams: Bool = false, reverse: [Prefix] = [],
    completion: SearchCompletion? = nil
  ) -> Responder {
    Responder(
      hosts: StaticHosts(), zone: zone, pods: pods, ttl: 5, reverseRanges: reverse, hasUpstreams: upstreams,
      keepalive: 100, nameServerAddresses: [IPAddress("10.96.0.10")!, IPAddress("fd00:96::10")!],
      completion: completion)
  }
}
