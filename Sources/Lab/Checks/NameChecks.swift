internal import Addressing
internal import JSON
internal import Linux

/// Names, asked for from inside pods with their own resolv.conf.
enum NameChecks {
  static let all = [
    Check("a Service by short name, with its namespace, and by full name", serviceNames),
    Check("a headless name gives the pods' addresses", headless),
    Check("an outside name is forwarded", outside),
  ]

  private static func look(_ member: CheckContext.Member) -> String {
    "swiftlet lab exec \(member.pod.key) -- cat /etc/resolv.conf; swiftlet lab logs lab:agent-\(member.node)"
  }

  /// A client on each node, since each node has a name server of its own.
  private static func clients(_ context: CheckContext) throws -> [CheckContext.Member] {
    let clients = try context.members().filter { $0.role == "a" }
    try expect(
      clients.count == context.workers.count, "a ready check pod on each of \(context.workers.count) nodes",
      seen: "\(clients.count)", look: "kubectl -n \(CheckFixture.namespace) get pods -o wide")
    return clients
  }

  private static func resolve(
    _ context: CheckContext, _ names: [String], to addresses: [IPAddress]
  ) throws -> Int {
    let probes = context.probes
    let family = context.family
    // The primary family's server stands first in resolv.conf; the other is asked by name.
    let server =
      family == context.lab.families[0] ? nil : context.lab.ranges.dnsServiceAddresses.first { $0.family == family }
    let questions = try clients(context).flatMap { client in
      names.flatMap { name in [false, true].map { (client, name, $0) } }
    }
    let failures = try concurrentMap(questions) { (client, name, overTCP) -> Check.Failure? in
      let result = try probes.name(.pod(client.pod), name, family, server: server, overTCP: overTCP)
      if result.isOK, result.addresses == addresses.sorted() { return nil }
      return Check.Failure(
        expected: "\(name), asked for over \(overTCP ? "TCP" : "UDP") by \(client.name) on \(client.node), to be "
          + addresses.sorted().map(\.description).joined(separator: ", "),
        seen: result.text, look: look(client))
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    return questions.count
  }

  private static func serviceNames(_ context: CheckContext) throws -> Check.Outcome {
    let service = CheckFixture.service
    let namespace = CheckFixture.namespace
    let names = [
      service, "\(service).\(namespace)", "\(service).\(namespace).svc",
      "\(service).\(namespace).svc.cluster.local", "\(service).\(namespace).svc.cluster.local.",
    ]
    let count = try resolve(context, names, to: [try context.clusterAddress(service)])
    return .passed("\(count) questions from every node over UDP and TCP")
  }

  private static func headless(_ context: CheckContext) throws -> Check.Outcome {
    let addresses = try context.members().map(\.address)
    let count = try resolve(context, [CheckFixture.headless], to: addresses)
    return .passed("\(addresses.count) addresses, \(count) questions")
  }

  /// Also that the answer is of use: the pod reaches the outside server, which sees the node's address.
  private static func outside(_ context: CheckContext) throws -> Check.Outcome {
    let family = context.family
    let outside = OutsideAddresses.serverName
    let count = try resolve(context, [outside], to: [OutsideAddresses.server(family)])
    let probes = context.probes
    let nodes = context.workers
    let failures = try concurrentMap(try clients(context)) { client -> Check.Failure? in
      let node = nodes.first { $0.name == client.node }?.address(family)?.description ?? ""
      let result = try probes.http(.pod(client.pod), outside, 80, family: family)[0]
      if result.isOK, result.client == node { return nil }
      return Check.Failure(
        expected: "\(client.name) to reach \(outside), masqueraded to its node's address \(node)",
        seen: result.text,
        look: "swiftlet lab exec node:\(client.node) -- nft list table inet swiftlet-masquerade")
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    return .passed("\(outside), \(count) questions")
  }
}
