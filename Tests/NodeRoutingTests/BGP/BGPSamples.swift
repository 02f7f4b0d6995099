import Addressing
import ClusterModel
import NodeRouting

/// A node that speaks BGP: `number` is in its addresses.
func bgpNode(
  _ number: Int, families: [IPFamily] = [.v4, .v6], podFamilies: [IPFamily] = [.v4, .v6],
  annotations: [String: String] = [:], labels: [String: String] = [:]
) -> RoutePeer {
  RoutePeer(
    node: "n\(number)", mode: .bgp,
    underlay: families.map { IPAddress($0 == .v4 ? "192.168.77.1\(number)" : "fd77::1\(number)")! },
    podRanges: podFamilies.map { Prefix($0 == .v4 ? "10.244.\(number).0/24" : "fd00:10:244:\(number)::/64")! },
    annotations: annotations, labels: labels)
}

let bgpPodRanges = [Prefix("10.244.0.0/16")!, Prefix("fd00:10:244::/48")!]
let bgpServiceRanges = [Prefix("10.96.0.0/16")!, Prefix("fd00:10:96::/112")!]

func bgpSpeaker(
  _ own: RoutePeer, _ peers: [RoutePeer], _ configuration: BGPConfiguration = .init(),
  services: BGPServiceAddresses = .init()
) -> BGPSpeaker {
  BGPSpeaker(
    own: own, peers: peers, configuration: configuration, clusterPodRanges: bgpPodRanges,
    serviceRanges: bgpServiceRanges, services: services)
}

/// A Service of type LoadBalancer with endpoints on nodes.
func balancer(
  _ name: String, _ addresses: [String], isLocal: Bool, endpoints: [(node: String, isReady: Bool)],
  family: IPFamily = .v4
) -> ServiceWithEndpoints {
  let id = NamespacedName("default", name)
  var service = Service(id: id)
  service.kind = .loadBalancer
  service.loadBalancerAddresses = addresses.map { IPAddress($0)! }
  service.isExternalTrafficLocal = isLocal
  var slice = EndpointSlice(id: NamespacedName("default", name + "-1"), service: id, family: family)
  slice.endpoints = endpoints.enumerated().map { index, entry in
    var endpoint = EndpointSlice.Endpoint(IPAddress(family, number: UInt128(index + 1)))
    endpoint.node = entry.node
    endpoint.isReady = entry.isReady
    return endpoint
  }
  return ServiceWithEndpoints(service: service, slices: [slice])
}
