import Addressing
import ClusterModel
import Glibc
import JSON
import Linux
import Netlink
import NetworkPolicy
import ServiceProxy
import Testing

@testable import PodNetwork

/// Every wiring with every family: pods, node, outside and Services, with the tables of the other planes as they are.
@Suite(.serialized) struct ReachabilityKernelTests {
  static let families: [[IPFamily]] = [[.v4], [.v6], [.v4, .v6]]

  private func service(_ name: String, _ number: Int, _ families: [IPFamily], on pod: WiredNode.Pod)
    -> ServiceWithEndpoints
  {
    var service = Service(id: NamespacedName("default", name))
    service.clusterAddresses = families.map { WiredNode.serviceRange($0).address(at: UInt128(number))! }
    service.ports = [
      Service.Port(name: "t", transport: .tcp, port: 80), Service.Port(name: "u", transport: .udp, port: 80),
    ]
    let slices = families.map { family -> EndpointSlice in
      var slice = EndpointSlice(
        id: NamespacedName("default", "\(name)-\(family)"), service: service.id, family: family)
      slice.ports = service.ports.map { .init(name: $0.name, transport: $0.transport, port: 8080) }
      var endpoint = EndpointSlice.Endpoint(IPAddress(pod.address(family))!)
      (endpoint.isReady, endpoint.isServing) = (true, true)
      slice.endpoints = [endpoint]
      return slice
    }
    return ServiceWithEndpoints(service: service, slices: slices)
  }

  @Test(arguments: WiringMode.allCases, families)
  func everybodyIsReached(_ wiring: WiringMode, _ families: [IPFamily]) throws {
    let node = try WiredNode(wiring, families)
    let (a, b) = (try node.add("a"), try node.add("b"))
    for pod in [a, b] {
      try node.serve(pod)
      let check = try node.check(pod)
      #expect(check.status == 0, "\(check.output)")
    }
    let proxy = try ServiceProxy(
      ServiceProxyConfiguration(
        nodeName: "node", localPodRanges: families.map(WiredNode.podRange),
        serviceRanges: families.map(WiredNode.serviceRange), clusterRanges: families.map(WiredNode.podRange)),
      namespace: node.namespace)
    try proxy.sync(full: [service("of-b", 1, families, on: b), service("of-a", 2, families, on: a)])

    for family in families {
      let (own, other, gateway) = (a.address(family), b.address(family), WiredNode.gateway(family))
      let outside = WiredNode.outside(family)
      let (ofB, ofA) = (
        "\(WiredNode.serviceRange(family).address(at: 1)!)", "\(WiredNode.serviceRange(family).address(at: 2)!)"
      )
      for (target, place) in [
        (other, a.namespace), (gateway, a.namespace), (other, node.namespace), (outside, a.namespace),
      ] {
        let ping = try node.run("ping -c 1 -W 5 \(target)", in: place)
        #expect(ping.status.isSuccess, "\(target): \(ping.output)")
      }
      for mode in ["tcp", "udp"] {
        // Pods see each other's addresses, and so does whoever is outside.
        #expect(try node.ask(mode, other, from: a.namespace) == "b \(own)")
        #expect(try node.ask(mode, other, from: node.world) == "b \(outside)")
        // The node speaks to its pods from its own address of their range.
        #expect(try node.ask(mode, other, from: node.namespace) == "b \(gateway)")
        #expect(try node.ask(mode, ofB, 80, from: a.namespace) == "b \(own)", "\(mode) Service")
        // A pod that is its own backend sees the node.
        let itself = try node.ask(mode, ofA, 80, from: a.namespace)
        #expect(itself.hasPrefix("a ") && itself != "a \(own)", "\(mode) hairpin: \(itself)")
        let fromNode = try node.ask(mode, ofB, 80, from: node.namespace)
        #expect(fromNode.hasPrefix("b "), "\(mode) from the node: \(fromNode)")
      }
    }
  }

  @Test(arguments: WiringMode.allCases)
  func policyHoldsBetweenPodsOfANode(_ wiring: WiringMode) throws {
    let node = try WiredNode(wiring)
    let (a, b, c) = (try node.add("a"), try node.add("b"), try node.add("c"))
    try node.serve(b)
    let state = ClusterState()
    _ = state.apply(
      .node,
      .upsert([
        "metadata": ["name": "node"], "spec": ["podCIDRs": ["10.244.1.0/24", "fd00:1::/64"]],
        "status": ["addresses": [["type": "InternalIP", "address": "192.0.2.1"]]],
      ]))
    _ = state.apply(.namespace, .upsert(["metadata": ["name": "default"]]))
    for pod in [a, b, c] {
      _ = state.apply(
        .pod,
        .upsert([
          "metadata": ["name": .string(pod.name), "namespace": "default", "labels": ["name": .string(pod.name)]],
          "spec": ["nodeName": "node", "containers": [[:]]],
          "status": [
            "phase": "Running",
            "podIPs": .array(IPFamily.allCases.map { ["ip": .string(pod.address($0))] }),
          ],
        ]))
    }
    _ = state.apply(
      .networkPolicy,
      .upsert(
        try JSON(
          parsing: """
            {"metadata":{"name":"b","namespace":"default"},"spec":{"podSelector":{"matchLabels":{"name":"b"}},
             "ingress":[{"from":[{"podSelector":{"matchLabels":{"name":"a"}}}]}]}}
            """)))
    let enforcer = try PolicyEnforcer(node: "node", namespace: node.namespace)
    try enforcer.sync(state)
    for family in IPFamily.allCases {
      #expect(try node.ask("tcp", b.address(family), from: a.namespace) == "b \(a.address(family))")
      #expect(try node.ask("tcp", b.address(family), from: c.namespace, patience: 1) == "TIMEOUT")
      #expect(try node.ask("tcp", b.address(family), from: node.world, patience: 1) == "TIMEOUT")
      #expect(try node.ask("tcp", b.address(family), from: node.namespace) == "b \(WiredNode.gateway(family))")
    }
  }
}
