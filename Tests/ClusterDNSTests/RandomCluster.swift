import Addressing
import ClusterModel

/// A cluster of every kind of Service, the same for the same seed.
struct RandomCluster {
  var services: [ServiceWithEndpoints] = []
  var pods: [Pod] = []
  static let namespaces = ["default", "kube-system", "shop", "a", "n-1", "a-namespace-with-a-longer-name"]

  init(services count: Int, pods podCount: Int, using random: inout Xorshift) {
    for number in 0..<podCount {
      var pod = Pod(id: NamespacedName(Self.namespaces[number % 5], "pod-\(number)"))
      pod.addresses = Array(Self.podAddresses(number).prefix(1 + number % 2))
      pods.append(pod)
    }
    for number in 0..<count {
      let id = NamespacedName(Self.namespaces[Int.random(in: 0..<Self.namespaces.count, using: &random)], "s\(number)")
      var service = Service(id: id)
      service.ports = Self.ports(&random)
      var slices: [EndpointSlice] = []
      switch number % 8 {
      case 0, 1, 2:
        let families = Int.random(in: 1...3, using: &random)
        if families & 1 != 0 { service.clusterAddresses.append(IPAddress("10.96.\(number / 250).\(number % 250)")!) }
        if families & 2 != 0 { service.clusterAddresses.append(IPAddress("fd00:96::\(number + 1)")!) }
        slices = [Self.slice(id, .v4, service.ports, podCount, &random)]
      case 3, 4, 5:
        service.isHeadless = true
        slices = [Self.slice(id, .v4, service.ports, podCount, &random)]
        if number % 2 == 0 { slices.append(Self.slice(id, .v6, service.ports, podCount, &random)) }
      case 6:
        service.isHeadless = true
        slices = [Self.slice(id, .v4, service.ports, podCount, &random)]
        for index in slices[0].endpoints.indices { slices[0].endpoints[index].isReady = false }
      default:
        service.kind = .externalName
        let other = Int.random(in: 0..<count, using: &random)
        service.externalName =
          [
            "www.example.com", "192.0.2.7", "s\(other).shop.svc.cluster.local", "nowhere.shop.svc.cluster.local",
            "S\(other).Default.svc.Cluster.local.",
          ][Int.random(in: 0..<5, using: &random)]
      }
      services.append(ServiceWithEndpoints(service: service, slices: slices))
    }
    // A circle of aliases.
    for (name, target) in [("round", "about"), ("about", "round")] {
      var service = Service(id: NamespacedName("shop", name))
      service.kind = .externalName
      service.externalName = "\(target).shop.svc.cluster.local"
      services.append(ServiceWithEndpoints(service: service, slices: []))
    }
  }

  static func podAddresses(_ number: Int) -> [IPAddress] {
    [
      IPAddress("10.244.\(number / 200).\(number % 200 + 2)")!,
      IPAddress("fd00:244::\(number % 7 == 0 ? "" : "\(number):")0")!,
    ]
  }

  private static func ports(_ random: inout Xorshift) -> [Service.Port] {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: [Service.Port(port: 80)]
    case 1: [Service.Port(name: "http", port: 80), Service.Port(name: "https", port: 443)]
    case 2: [Service.Port(name: "dns", transport: .udp, port: 53), Service.Port(name: "dns-tcp", port: 53)]
    default: [Service.Port(name: "a", transport: .sctp, port: 9), Service.Port(name: "Web-Socket", port: 8080)]
    }
  }

  private static func slice(
    _ id: NamespacedName, _ family: IPFamily, _ ports: [Service.Port], _ podCount: Int, _ random: inout Xorshift
  ) -> EndpointSlice {
    let endpoints = (0..<Int.random(in: 0...6, using: &random)).map { index in
      let pod = Int.random(in: 0..<podCount, using: &random)
      let address = podAddresses(pod)[family == .v4 ? 0 : 1]
      return Samples.endpoint(
        "\(address)", hostname: index % 3 == 0 ? "Host-\(index)" : nil,
        ready: Int.random(in: 0..<5, using: &random) > 0)
    }
    return Samples.slice(
      id, family, ports.map { EndpointSlice.Port(name: $0.name, transport: $0.transport, port: $0.port + 8000) },
      endpoints)
  }
}
