internal import Addressing
internal import ClusterModel
internal import JSON
internal import Kubernetes
internal import Linux

/// Services by their ClusterIP.
enum ServiceChecks {
  static let all = [
    Check("a ClusterIP reaches every backend of its Service, in roughly equal shares", shares),
    Check("a ClusterIP works over UDP", udp),
    Check("a pod reaches itself through its own Service", hairpin),
  ]
  /// Takes a backend away, so it comes after everything that counts them.
  static let last = Check("a backend that goes away stops receiving at once", once: true, removedBackend)

  /// Requests for each backend.
  private static let requestsEach = 50

  private static func look(_ node: String) -> String {
    "swiftlet lab exec node:\(node) -- nft list table inet swiftlet-services; swiftlet lab logs lab:agent-\(node)"
  }

  private static func shares(_ context: CheckContext) throws -> Check.Outcome {
    let members = try context.members()
    let address = try context.clusterAddress(CheckFixture.service)
    guard let first = members.first else { throw noMembers }
    // One client asks often enough to count; a client on each other node asks whether it works there at all.
    // A few requests first: if nothing works, all of them would take minutes. A container that came back a moment ago may
    // not have its share yet: from the change in the API to the kernel is the agent's watch and one transaction.
    let began = Time.monotonicSeconds
    var heard: Set<String> = []
    repeat {
      let few = try context.probes.http(.pod(first.pod), "\(address)", CheckFixture.servicePort, count: members.count)
      try none(failedOf: few, "requests of \(first.name) to \(address)", node: first.node)
      heard.formUnion(few.map(\.pod))
    } while heard.count < members.count && Time.monotonicSeconds - began < 5
    let count = requestsEach * members.count
    let results = try context.probes.http(.pod(first.pod), "\(address)", CheckFixture.servicePort, count: count)
    try none(failedOf: results, "\(count) requests of \(first.name) to \(address)", node: first.node)
    var shares: [String: Int] = [:]
    for result in results { shares[result.pod, default: 0] += 1 }
    let text = shares.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    // Shares are random: the count of each backend has a standard deviation of √50 ≈ 7, so 60 % is four of them and more.
    let isEven = members.allSatisfy { member in
      abs((shares[member.name] ?? 0) - requestsEach) <= requestsEach * 6 / 10
    }
    try expect(
      isEven && shares.count == members.count,
      "each of \(members.count) backends to get about \(requestsEach) of \(count) requests", seen: text,
      look: look(first.node))

    let others = members.filter { $0.role == "a" && $0.node != first.node }
    let probes = context.probes
    let answers = try concurrentMap(others) {
      ($0, try probes.http(.pod($0.pod), "\(address)", CheckFixture.servicePort, count: 10))
    }
    for (member, results) in answers {
      try none(failedOf: results, "requests of \(member.name) to \(address)", node: member.node)
    }
    let onNode = try probes.http(.node(first.node), "\(address)", CheckFixture.servicePort, count: 10)
    try none(failedOf: onNode, "requests of node \(first.node) itself to \(address)", node: first.node)
    return .passed("\(count) requests: \(text)")
  }

  private static var noMembers: Check.Failure {
    Check.Failure(
      expected: "ready check pods", seen: "none", look: "kubectl -n \(CheckFixture.namespace) get pods -o wide")
  }

  private static func none(failedOf results: [CheckProbes.Result], _ what: String, node: String) throws {
    let failed = results.filter { !$0.isOK }
    if let first = failed.first {
      throw Check.Failure(
        expected: "\(what) to succeed", seen: "\(failed.count) of \(results.count) failed, the first: \(first.text)",
        look: look(node))
    }
  }

  private static func udp(_ context: CheckContext) throws -> Check.Outcome {
    let address = try context.clusterAddress(CheckFixture.service)
    guard let client = try context.members().first else { throw noMembers }
    let results = try context.probes.run(
      .pod(client.pod),
      ["udp", "--address", "\(address)", "--port", String(CheckFixture.udpPort), "--count", "20", "--timeout", "1"])
    try none(failedOf: results, "datagrams of \(client.name) to \(address):\(CheckFixture.udpPort)", node: client.node)
    let pods = Set(results.map(\.podInText))
    return .passed("\(results.count) datagrams answered by \(pods.count) pods")
  }

  /// Enough requests that one comes back to the sender: with n backends each misses it with probability 1 − 1/n.
  private static func hairpin(_ context: CheckContext) throws -> Check.Outcome {
    let members = try context.members()
    let address = try context.clusterAddress(CheckFixture.service)
    guard let client = members.last else { throw noMembers }
    var tried = 0
    while tried < 40 * members.count {
      let results = try context.probes.http(.pod(client.pod), "\(address)", CheckFixture.servicePort, count: 20)
      tried += results.count
      try none(failedOf: results, "requests of \(client.name) to \(address), some of them to itself", node: client.node)
      if results.contains(where: { $0.pod == client.name }) { return .passed("\(client.name), \(tried) requests") }
    }
    throw Check.Failure(
      expected: "one of \(tried) requests of \(client.name) to \(address) to reach \(client.name) itself",
      seen: "only other backends answered", look: look(client.node))
  }

  private static func removedBackend(_ context: CheckContext) throws -> Check.Outcome {
    let members = try context.members()
    let address = try context.clusterAddress(CheckFixture.service)
    guard let gone = members.last(where: { $0.role == "b" }),
      let client = members.first(where: { $0.name != gone.name })
    else { throw noMembers }
    try context.client.delete(.pods, namespace: CheckFixture.namespace, name: gone.name)
    let isOut = try context.wait(10) {
      let state = try context.cluster()
      let slices = state.endpointSlices(of: NamespacedName(CheckFixture.namespace, CheckFixture.service))
      return !slices.contains { $0.endpoints.contains { $0.isReady && $0.address == gone.address } }
    }
    try expect(
      isOut, "\(gone.name) to leave the EndpointSlices of Service \(CheckFixture.service)",
      seen: "it is still listed as ready", look: "kubectl -n \(CheckFixture.namespace) get endpointslices -o yaml")
    // From the change in the API to the kernel is the agent's watch and one transaction; a second is allowed for that, and
    // less is waited where nothing goes wrong.
    let began = Time.monotonicSeconds
    var last = 0.0
    while case let now = Time.monotonicSeconds - began, now < 1, now < last + 0.2 {
      let result = try context.probes.http(.pod(client.pod), "\(address)", CheckFixture.servicePort, timeout: 0.3)[0]
      if !result.isOK || result.pod == gone.name { last = Time.monotonicSeconds - began }
    }
    let count = 20 * members.count
    for family in context.lab.families {
      context.family = family
      let address = try context.clusterAddress(CheckFixture.service)
      let results = try context.probes.http(.pod(client.pod), "\(address)", CheckFixture.servicePort, count: count)
      try none(failedOf: results, "\(count) requests to \(address) without backend \(gone.name)", node: client.node)
      try expect(
        !results.contains { $0.pod == gone.name }, "no request to reach \(gone.name)",
        seen: "\(results.count { $0.pod == gone.name }) of \(count) did", look: look(client.node))
    }
    return .passed("\(count) requests after \(Int(last * 1000)) ms, none to \(gone.name) or lost")
  }
}

extension CheckProbes.Result {
  /// The pod named in a stand-in's line of text, which it sends where the protocol is not HTTP.
  var podInText: String {
    let words = (json["body"].string ?? "").split(whereSeparator: \.isWhitespace)
    return words.first { $0.hasPrefix("pod=") }.map { String($0.dropFirst(4)) } ?? ""
  }
}
