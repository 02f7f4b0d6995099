internal import Addressing
internal import ClusterModel
internal import Diagnosis
internal import JSON
internal import Kubernetes
internal import Linux

/// What must be true of addresses and ranges.
enum AddressChecks {
  static let all = [
    Check("the three ranges do not overlap", once: true, ranges),
    Check("every pod has an address of its node's range, and no two share one", addresses),
  ]

  /// The plan, and what is really in use: node addresses, the nodes' pod ranges and ClusterIPs lie where they should.
  private static func ranges(_ context: CheckContext) throws -> Check.Outcome {
    let plan = context.lab.ranges
    // The plan was checked when it was read; what the control plane gave out must keep to it.
    let state = try context.cluster()
    let look = "swiftlet lab logs lab:server"
    func list(_ ranges: [PlannedRange]) -> String { ranges.map(\.description).joined(separator: " or ") }
    for node in state.nodes.values.sorted(by: { $0.name < $1.name }) {
      for address in node.addresses {
        try expect(
          plan.nodeRanges.contains { $0.prefix.contains(address) },
          "node \(node.name) to have an address of \(list(plan.nodeRanges))",
          seen: "\(address)", look: look)
      }
      for range in node.podRanges {
        try expect(
          plan.podRanges.contains { $0.prefix.contains(range) },
          "node \(node.name) to have a part of \(list(plan.podRanges))",
          seen: "\(range)", look: look)
      }
      let families = context.lab.families
      try expect(
        node.addresses.map(\.family) == families && node.podRanges.map(\.family) == families,
        "node \(node.name) to have an address and a pod range of \(families.map(\.name).joined(separator: " and "))",
        seen: "\(node.addresses), \(node.podRanges)", look: look)
    }
    let nodes = state.nodes.values.sorted { $0.name < $1.name }
    for (index, node) in nodes.enumerated() {
      for other in nodes[..<index] where node.podRanges.contains(where: { other.podRanges.contains($0) }) {
        throw Check.Failure(
          expected: "nodes to have pod ranges of their own", seen: "\(other.name) and \(node.name) share one",
          look: look)
      }
    }
    for service in state.services.values {
      for address in service.clusterAddresses {
        try expect(
          plan.serviceRanges.contains { $0.prefix.contains(address) },
          "Service \(service.id) to have an address of \(list(plan.serviceRanges))", seen: "\(address)", look: look)
      }
    }
    return .passed(
      (plan.nodeRanges + plan.podRanges + plan.serviceRanges).map(\.prefix.description).joined(separator: ", "))
  }

  /// The API's word is compared with the address the pod really has, seen from inside.
  private static func addresses(_ context: CheckContext) throws -> Check.Outcome {
    let state = try context.cluster()
    let running = LabPod.all(context.site)
    let pods = state.pods.values.filter { !$0.isHostNetwork && !$0.isTerminal && !$0.isTerminating && $0.node != nil }
      .sorted { $0.id < $1.id }
    var owners: [IPAddress: NamespacedName] = [:]
    for pod in pods {
      let ranges = pod.node.flatMap { state.nodes[$0]?.podRanges } ?? []
      try expect(
        pod.addresses.contains { $0.family == context.family },
        "pod \(pod.id) to have an \(context.family.name) address", seen: "\(pod.addresses)",
        look: "swiftlet lab logs lab:runtime-\(pod.node ?? "")")
      for address in pod.addresses {
        try expect(
          ranges.contains { $0.contains(address) },
          "pod \(pod.id) to have an address of \(ranges.map(\.description).joined(separator: ", "))",
          seen: "\(address)", look: "the leases in \(context.site.leases(pod.node ?? ""))")
        let other = owners.updateValue(pod.id, forKey: address)
        try expect(
          other == nil, "\(address) to belong to one pod", seen: "pods \(other?.description ?? "") and \(pod.id)",
          look: "the leases in \(context.site.leases(pod.node ?? ""))")
      }
    }
    let family = context.family
    let inside: [(NamespacedName, IPAddress, LabPod)] = pods.compactMap { pod in
      guard let address = pod.addresses.first(where: { $0.family == family }),
        let lab = running.first(where: { $0.key == ObjectKey(pod.id.namespace, pod.id.name) })
      else { return nil }
      return (pod.id, address, lab)
    }
    let probes = context.probes
    let target = "\(OutsideAddresses.server(family))"
    let failures = try concurrentMap(inside) { (id, address, lab) -> Check.Failure? in
      // A UDP socket that is only connected sends nothing, and says which address the pod would use.
      let seen = try probes.run(.pod(lab), ["source", "--address", target, "--port", "9"])[0].json["local"].string
      if seen == "\(address)" { return nil }
      return Check.Failure(
        expected: "pod \(id) to use \(address)", seen: seen ?? "no address",
        look: "swiftlet lab exec \(id) -- ip addr")
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    return .passed("\(pods.count) pods, \(inside.count) asked from inside")
  }
}
