internal import Addressing
internal import ClusterModel
internal import JSON
internal import Kubernetes
internal import Linux

/// What the checks look at and work with.
final class CheckContext {
  let site: LabSite
  let lab: LabConfiguration
  let client: APIClient
  let probes: CheckProbes
  let interruption: Interruption
  /// The family that packets are sent in.
  var family: IPFamily
  /// What the fixture's Ingress certificate leads to (PEM); set once the fixture is made.
  var authority: String?

  init(site: LabSite, lab: LabConfiguration, client: APIClient, interruption: Interruption) {
    self.site = site
    self.lab = lab
    family = lab.families[0]
    self.client = client
    self.interruption = interruption
    probes = CheckProbes(site: site, executables: lab.executables)
  }

  /// The nodes that run pods and were neither switched off nor cut off.
  var workers: [LabNode] { lab.workers.filter { $0.state == .running } }

  /// The cluster as the API has it now.
  func cluster() throws -> ClusterState {
    let state = ClusterState()
    let kinds: [(ModelKind, ResourceType)] = [
      (.node, .nodes), (.namespace, .namespaces), (.pod, .pods), (.service, .services),
      (.endpointSlice, .endpointSlices), (.networkPolicy, .networkPolicies), (.ingress, .ingresses),
    ]
    for (kind, type) in kinds { _ = state.replace(kind, with: try client.list(type).items.map(\.json)) }
    return state
  }

  /// A pod of the fixture with its address of the family in use.
  struct Member: Sendable {
    let pod: LabPod
    let address: IPAddress
    /// The last letter of its name.
    let role: String

    var name: String { pod.key.name }
    var node: String { pod.node }
  }

  /// The fixture's pods that are ready and have an address of the family in use, by name.
  func members() throws -> [Member] {
    let running = LabPod.all(site).filter { $0.key.namespace == CheckFixture.namespace }
    let objects = try client.list(.pods, ListOptions(namespace: CheckFixture.namespace)).items
    return running.compactMap { pod in
      guard let object = objects.first(where: { $0.uid == pod.uid && !$0.isTerminating && $0.isTrue("Ready") }),
        let address = Self.addresses(object).first(where: { $0.family == family })
      else { return nil }
      return Member(pod: pod, address: address, role: String(pod.key.name.last ?? "?"))
    }.sorted { $0.name < $1.name }
  }

  static func addresses(_ pod: KubernetesObject) -> [IPAddress] {
    pod.status["podIPs"].elements.compactMap { $0["ip"].string.flatMap { IPAddress($0) } }
  }

  /// The address of a Service of the fixture in the family in use.
  func clusterAddress(_ service: String) throws -> IPAddress {
    let object = try client.get(.services, namespace: CheckFixture.namespace, name: service)
    let addresses = object.spec["clusterIPs"].elements.compactMap { $0.string.flatMap { IPAddress($0) } }
    guard let address = addresses.first(where: { $0.family == family }) else {
      throw Check.Failure(
        expected: "Service \(object.key) to have an \(family.name) ClusterIP",
        seen: object.spec["clusterIPs"].description,
        look: "swiftlet lab logs lab:server")
    }
    return address
  }

  /// Waits for something that takes the cluster a moment.
  func wait(_ seconds: Double, until isReached: () throws -> Bool) throws -> Bool {
    let end = Time.monotonicSeconds + seconds
    while try !isReached() {
      if Time.monotonicSeconds >= end { return false }
      try interruption.sleep(0.05)
    }
    return true
  }

  /// Pairs of fixture pods on one node.
  static func pairsOnOneNode(_ members: [Member]) -> [(Member, Member)] {
    members.flatMap { from in
      members.filter { $0.node == from.node && $0.name != from.name }.map { (from, $0) }
    }
  }

  /// Pairs of fixture pods on different nodes: each node with the next, and back.
  static func pairsAcrossNodes(_ members: [Member]) -> [(Member, Member)] {
    let firsts = members.filter { $0.role == "a" }
    guard firsts.count > 1 else { return [] }
    return firsts.indices.flatMap { index in
      let next = firsts[(index + 1) % firsts.count]
      return [(firsts[index], next), (next, firsts[index])]
    }
  }
}
