internal import Addressing
internal import ClusterModel
internal import Diagnosis
internal import JSON
internal import Kubernetes
internal import Linux

/// NetworkPolicies: that what may not talk cannot, and what may can.
enum PolicyChecks {
  static let all = [
    Check("a denied pair cannot talk and an allowed one can", fixture),
    Check("the manifests' pods talk as their NetworkPolicies say", manifests),
  ]

  /// How long silence must last to count as denied, in seconds. Denied packets are dropped, so only time tells.
  private static let silence = 0.5
  /// Pairs of the manifests that are tried at most.
  private static let mostPairs = 200

  private static func look(_ node: String) -> String {
    "swiftlet lab exec node:\(node) -- nft list table inet swiftlet-policy; swiftlet lab logs lab:agent-\(node)"
  }

  /// Role `a` may use the private port, role `b` may not; both may use the public one. On one node and across nodes.
  private static func fixture(_ context: CheckContext) throws -> Check.Outcome {
    let members = try context.members()
    let pairs =
      CheckContext.pairsOnOneNode(members)
      + members.filter { $0.role == "b" }.flatMap { from in
        members.filter { $0.role == "a" && $0.node != from.node }.map { (from, $0) }
      } + CheckContext.pairsAcrossNodes(members)
    try expect(
      pairs.contains { $0.0.role == "b" } && pairs.contains { $0.0.role == "a" }, "check pods of both roles",
      seen: "\(members.map(\.name))", look: "kubectl -n \(CheckFixture.namespace) get pods -o wide")
    let probes = context.probes
    let failures = try concurrentMap(pairs) { (from, to) -> Check.Failure? in
      let isAllowed = from.role == "a"
      let result = try probes.http(
        .pod(from.pod), "\(to.address)", CheckFixture.privatePort, timeout: isAllowed ? 2 : silence)[0]
      if result.isOK == isAllowed { return nil }
      return Check.Failure(
        expected: "\(from.name) \(isAllowed ? "to reach" : "not to reach") \(to.name) on port "
          + "\(CheckFixture.privatePort) (policy check-private)", seen: result.text, look: look(to.node))
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    return .passed("\(pairs.count { $0.0.role == "a" }) allowed pairs, \(pairs.count { $0.0.role == "b" }) denied")
  }

  private struct Pair: Sendable {
    let client: Pod
    let server: Pod
    let port: UInt16
    let verdict: PolicyPrediction.Verdict
    let place: LabPod
  }

  /// One pod of each kind (namespace and labels) to a TCP port of each other kind: what happens is compared with what the
  /// policies say when they are read plainly, by code that shares nothing with the agent's.
  private static func manifests(_ context: CheckContext) throws -> Check.Outcome {
    let state = try context.cluster()
    let prediction = PolicyPrediction(namespaces: state.namespaces, policies: Array(state.policies.values))
    let running = LabPod.all(context.site)
    let pods = representatives(of: state)
    var pairs: [Pair] = []
    for client in pods where !client.isHostNetwork {
      guard let place = running.first(where: { $0.key == ObjectKey(client.id.namespace, client.id.name) }) else {
        continue
      }
      for server in pods where server.id != client.id {
        guard let port = try listeningPort(of: server, context) else { continue }
        pairs.append(
          Pair(
            client: client, server: server, port: port,
            verdict: prediction.verdict(from: client, to: server, .tcp, port: port), place: place))
      }
    }
    if pairs.isEmpty { return .notApplicable("fewer than two kinds of pods with ports") }
    // Evenly spread, if there are too many.
    let step = max(1, (pairs.count + mostPairs - 1) / mostPairs)
    let tried = pairs.indices.filter { $0 % step == 0 }.map { pairs[$0] }
    let probes = context.probes
    let family = context.family
    let failures = try concurrentMap(tried, width: 32) { pair -> Check.Failure? in
      let isAllowed = pair.verdict.isAllowed
      guard let address = pair.server.addresses.first(where: { $0.family == family }) else { return nil }
      let result = try probes.run(
        .pod(pair.place),
        [
          "tcp", "--address", "\(address)", "--port", String(pair.port), "--timeout",
          String(isAllowed ? 2 : silence),
        ])[0]
      if result.isOK == isAllowed { return nil }
      var expected =
        "\(pair.client.id) \(isAllowed ? "to reach" : "not to reach") \(pair.server.id) on port \(pair.port)"
      if case .denied(let direction, let policies) = pair.verdict {
        expected += " (\(direction.rawValue) is denied by \(policies.map(\.description).joined(separator: ", ")))"
      }
      return Check.Failure(
        expected: expected, seen: result.isOK ? "it connected" : result.text, look: look(pair.server.node ?? ""))
    }
    let found = failures.compactMap { $0 }
    if let failure = found.first {
      throw Check.Failure(
        expected: failure.expected, seen: failure.seen + (found.count > 1 ? ", and \(found.count - 1) more" : ""),
        look: failure.look)
    }
    let allowed = tried.count { $0.verdict.isAllowed }
    return .passed("\(allowed) allowed pairs, \(tried.count - allowed) denied")
  }

  /// The first ready pod of each namespace and set of labels, leaving out labels that only tell replicas apart.
  private static func representatives(of state: ClusterState) -> [Pod] {
    struct Kind: Hashable {
      let namespace: String
      let labels: [String: String]
    }
    let replicaLabels: Set<String> = [
      "pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
      "apps.kubernetes.io/pod-index",
    ]
    var seen: Set<Kind> = []
    return state.pods.values.sorted { $0.id < $1.id }.filter { pod in
      guard pod.isReady, !pod.isTerminal, !pod.isTerminating, !pod.addresses.isEmpty,
        pod.id.namespace != CheckFixture.namespace
      else { return false }
      let labels = pod.labels.filter { !replicaLabels.contains($0.key) }
      return seen.insert(Kind(namespace: pod.id.namespace, labels: labels)).inserted
    }
  }

  /// The first TCP port that a container declares.
  private static func listeningPort(of pod: Pod, _ context: CheckContext) throws -> UInt16? {
    let object = try context.client.find(.pods, namespace: pod.id.namespace, name: pod.id.name)
    for container in object?.spec["containers"].elements ?? [] {
      for port in container["ports"].elements where port["protocol"].string ?? "TCP" == "TCP" {
        if let number = port["containerPort"].int.flatMap({ UInt16(exactly: $0) }) { return number }
      }
    }
    return nil
  }
}
