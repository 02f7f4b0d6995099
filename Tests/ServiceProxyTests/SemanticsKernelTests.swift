import Addressing
import ClusterModel
import Glibc
import Netlink
import ServiceProxy
import Testing

/// The table of what Services mean, from API objects to packets, with every back end.
@Suite(.serialized) struct SemanticsKernelTests {
  static let pods = ["client": 9, "b1": 11, "b2": 12, "far": 20]
  static let id = NamespacedName("default", "web")

  static func configuration() -> ServiceProxyConfiguration {
    var configuration = OuterFrontendKernelTests.configuration
    configuration.zone = "z1"
    return configuration
  }

  @Test(arguments: TestBackend.all) func everyRow(_ backend: TestBackend) throws { try Self.check(backend) }

  /// All rows side by side on one node.
  static func check(_ backend: TestBackend) throws {
    let node = try TestNode("table-\(backend)", pods: pods)
    // Refusals are not rationed, or a client would wait for one that never comes.
    node.run("node", "sh -c 'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 0 > /proc/sys/net/ipv6/icmp/ratelimit'")
    let proxy = try backend.proxy(configuration(), node)
    try proxy.sync(full: [])
    let rows = SemanticsRow.table.enumerated().map { $1.numbered($0 + 1) }
    for row in rows where !row.prepare.isEmpty { #expect(node.run("node", row.prepare) == "", "\(row.name)") }
    try proxy.update(rows.map { (try #require($0.input).service.id, $0.input) })
    let asks = rows.flatMap { row in row.asks.map { (row: row.name, ask: $0) } }
    for (question, seen) in zip(asks, node.ask(asks.map(\.ask))) {
      let ask = question.ask
      #expect(
        Set(seen.keys) == ask.expected && seen.values.reduce(0, +) == ask.count,
        "\(question.row): \(ask.place) \(ask.mode) \(ask.address) \(ask.port): \(seen)")
    }
    try proxy.update(rows.map { (try #require($0.input).service.id, nil) })
    try flows(node, proxy, backend)
  }

  /// UDP flows to endpoints that are gone end with them, by conntrack's own listing; those of endpoints that still serve
  /// stay.
  private static func flows(_ node: TestNode, _ proxy: ServiceProxy, _ backend: TestBackend) throws {
    func update(_ slices: [(Int, fields: String)], remove: Bool = false) throws {
      let row = SemanticsRow(
        "", SemanticsRow.web(),
        SemanticsRow.slices(
          slices.map { number, fields in
            (
              number,
              fields.isEmpty
                ? [:] : ["conditions": ["ready": false, "serving": true, "terminating": true]]
            )
          }), [])
      try proxy.update(service: id, to: remove ? nil : row.input)
    }
    func count() -> Int {
      node.run("node", "conntrack -L -p udp --orig-dst 10.96.0.1 2>/dev/null").split(separator: "\n").count
    }
    func open() { #expect(node.client("client", "udp", "10.96.0.1", 80, 2).values.reduce(0, +) == 2) }
    try update([(11, "")])
    open()
    #expect(count() == 2)
    // It takes no new connections, and serves those it has; but for IPVS, which lets it go at once.
    try update([(11, "terminating"), (12, "")])
    #expect(count() == (backend.isIPVS ? 0 : 2))
    try update([(12, "")])
    #expect(count() == 0)
    open()
    #expect(count() == 2)
    // To zero endpoints; and with the Service.
    try update([])
    #expect(count() == 0)
    try update([(12, "")])
    open()
    try update([], remove: true)
    #expect(count() == 0)
  }
}
