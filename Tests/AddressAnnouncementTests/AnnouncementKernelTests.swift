import AddressAnnouncement
import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

/// Nodes and a client on one Ethernet, all namespaces; real ARP and NDP, judged by the client's kernel and its neighbours'
/// table.
@Suite(.serialized) struct AnnouncementKernelTests {
  /// Two nodes, a client and a switch. Nodes have the load balancer's addresses on `lo`, in place of the rules that
  /// translate them, and do not answer for them by themselves.
  final class Site: Sendable {
    static let v4 = "192.0.2.100"
    static let v6 = "2001:db8::100"
    let prefix = "swt-ann-\(getpid())-\(UInt16.random(in: 0...999))"
    let folder: String
    let server: APIServer
    private let names = ["switch", "n1", "n2", "client"]

    init() throws {
      var template = Array("/tmp/swt-ann-XXXXXX".utf8CString)
      folder = try #require(mkdtemp(&template).map { String(cString: $0) })
      server = try APIServer(
        APIServerConfiguration(databasePath: folder + "/api.db", serviceRanges: [Prefix("10.96.0.0/16")!]))
      var script = "set -e\n"
      for name in names { script += "ip netns add \(prefix)-\(name); ip -n \(prefix)-\(name) link set lo up\n" }
      script +=
        "ip -n \(prefix)-switch link add br0 type bridge mcast_snooping 0; ip -n \(prefix)-switch link set br0 up\n"
      for (index, name) in names.dropFirst().enumerated() {
        script += """
          ip -n \(prefix)-switch link add \(name) type veth peer name eth0 netns \(prefix)-\(name)
          ip -n \(prefix)-switch link set \(name) master br0 up
          ip -n \(prefix)-\(name) addr add 192.0.2.\(index + 1)/24 dev eth0
          ip -n \(prefix)-\(name) addr add 2001:db8::\(index + 1)/64 dev eth0 nodad
          ip netns exec \(prefix)-\(name) sh -c 'cd /proc/sys/net; echo 1 > ipv4/conf/all/arp_ignore
            for i in all eth0; do echo 0 > ipv6/conf/$i/accept_dad; done'  # nobody waits a second for his own address
          ip -n \(prefix)-\(name) link set eth0 up

          """
      }
      for name in ["n1", "n2"] {
        script +=
          "ip -n \(prefix)-\(name) addr add \(Self.v4)/32 dev lo; ip -n \(prefix)-\(name) addr add \(Self.v6)/128 dev lo\n"
      }
      let output = run(script)
      try #require(output.isEmpty, "\(output)")
    }

    deinit {
      for name in names { _ = run("ip netns del \(prefix)-\(name)") }
      try? Files.removeTree(folder)
    }

    @discardableResult
    func run(_ script: String) -> String {
      let result = try? ChildProcess.run(["sh", "-c", script + "\n"])
      return result.map { $0.output + String(decoding: $0.standardError, as: UTF8.self) } ?? "did not run"
    }

    func namespace(_ name: String) throws -> NetworkNamespace {
      try NetworkNamespace(path: "/run/netns/\(prefix)-\(name)")
    }

    /// The client reaches an address: one ping with a short wait.
    func answers(_ address: String) -> Bool {
      run("ip netns exec \(prefix)-client ping -c1 -W1 \(address) >/dev/null 2>&1 && echo yes") == "yes\n"
    }

    /// The station the client's kernel sends an address's packets to.
    func station(_ address: String) throws -> String {
      let neighbours = try JSON(parsing: run("ip -n \(prefix)-client -j neigh show \(address) dev eth0"))
      return neighbours[0]["lladdr"].string ?? "none"
    }

    func mac(_ node: String) throws -> String {
      try JSON(parsing: run("ip -n \(prefix)-\(node) -j link show eth0"))[0]["address"].string ?? ""
    }
  }

  /// What one node's plane runs.
  final class Announcer {
    let responder: AddressResponder
    let election: AddressElection

    init(_ site: Site, _ node: String, rank: Int, duration: Double = 3) throws {
      let responder = try AddressResponder(namespace: try site.namespace(node)) { link, _ in link.name == "eth0" }
      self.responder = responder
      var options = AddressElection.Options(identity: node)
      options.timing = .init(duration: duration)
      election = AddressElection(site.server.transport, options) { responder.set($0) }
      responder.start()
      election.start()
      want(rank)
    }

    func want(_ rank: Int?, unused: Bool = false) {
      election.want([Site.v4, Site.v6].map { (rank: rank, isUnused: unused, address: IPAddress($0)!) })
    }

    /// As a power failure: nothing is given back.
    func crash() {
      election.stop(releasing: false)
      responder.stop()
    }
  }

  private static func eventually(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ holds: () throws -> Bool
  ) rethrows {
    for _ in 0..<600 {
      if try holds() { return }
      usleep(20_000)
    }
    Issue.record("never: \(what)", sourceLocation: sourceLocation)
  }

  @Test func oneNodeAnswersAndAnotherTakesOver() throws {
    let site = try Site()
    #expect(!site.answers(Site.v4) && !site.answers(Site.v6))
    let first = try Announcer(site, "n1", rank: 0)
    Self.eventually("the first announces both") { first.responder.addresses.count == 2 }
    let second = try Announcer(site, "n2", rank: 1)
    for address in [Site.v4, Site.v6] {
      Self.eventually("\(address) answers") { site.answers(address) }
      #expect(try site.station(address) == site.mac("n1"))
    }
    usleep(500_000)
    #expect(second.responder.addresses.isEmpty)

    // A power failure: the second waits for the Lease's end and tells everybody.
    let crashed = Time.monotonicSeconds
    first.crash()
    try Self.eventually("the client sends to the second") {
      try site.station(Site.v4) == site.mac("n2") && site.station(Site.v6) == site.mac("n2")
    }
    let taken = Time.monotonicSeconds
    #expect(site.answers(Site.v4) && site.answers(Site.v6))
    print("announcing: failover after a crash with Leases of 3 s: \(Int((taken - crashed) * 1000)) ms")

    // Back again, the first stands behind; it gets the addresses when the second may no longer have them.
    let again = try Announcer(site, "n1", rank: 0)
    usleep(500_000)
    #expect(again.responder.addresses.isEmpty)
    let given = Time.monotonicSeconds
    second.want(nil)
    try Self.eventually("the client sends to the first") {
      try site.station(Site.v4) == site.mac("n1") && site.station(Site.v6) == site.mac("n1")
    }
    print("announcing: handed over on purpose in \(Int((Time.monotonicSeconds - given) * 1000)) ms")
    #expect(site.answers(Site.v4) && site.answers(Site.v6))

    // No Service has them any more: silence, and no Lease left behind.
    again.want(nil, unused: true)
    second.want(nil, unused: true)
    try Self.eventually("no Lease is left") {
      try APIClient(site.server.transport).list(.leases, ListOptions(namespace: "swiftlet-leases")).items.isEmpty
    }
    site.run("ip -n \(site.prefix)-client neigh flush dev eth0")
    #expect(!site.answers(Site.v4) && !site.answers(Site.v6))
    again.crash()
    second.crash()
  }

  /// A holder that died, and then the Service is deleted: some other node removes its Leases.
  @Test func whatADeadHolderLeftIsRemoved() throws {
    let site = try Site()
    let first = try Announcer(site, "n1", rank: 0, duration: 2)
    Self.eventually("announced") { first.responder.addresses.count == 2 }
    first.crash()
    func leases() throws -> Int {
      try APIClient(site.server.transport).list(.leases, ListOptions(namespace: "swiftlet-leases")).items.count
    }
    #expect(try leases() == 2)
    var options = AddressElection.Options(identity: "n2")
    options.timing = .init(duration: 2, collection: 3)
    let other = AddressElection(site.server.transport, options) { _ in }
    other.start()
    usleep(3_500_000)
    // It does not know the Services yet.
    #expect(try leases() == 2)
    other.want([(rank: nil, isUnused: false, address: IPAddress(Site.v4)!)])
    try Self.eventually("the Lease of the address nobody has is gone") { try leases() == 1 }
    usleep(500_000)
    #expect(try leases() == 1)
    other.want([(rank: nil, isUnused: true, address: IPAddress(Site.v4)!)])
    try Self.eventually("none is left") { try leases() == 0 }
    other.stop()
  }

  /// An agent that restarts within the Lease keeps its addresses: no flow moves.
  @Test func aRestartMovesNothing() throws {
    let site = try Site()
    let first = try Announcer(site, "n1", rank: 1, duration: 30)
    Self.eventually("announced") { first.responder.addresses.count == 2 }
    let second = try Announcer(site, "n2", rank: 0, duration: 30)
    first.crash()
    let again = try Announcer(site, "n1", rank: 1, duration: 30)
    Self.eventually("announced again") { again.responder.addresses.count == 2 }
    #expect(second.responder.addresses.isEmpty)
    #expect(site.answers(Site.v4) && site.answers(Site.v6))
    #expect(try site.station(Site.v4) == site.mac("n1"))
    // The kernel of the client confirms what it knows by asking the station itself.
    site.run("ip -n \(site.prefix)-client neigh change \(Site.v6) dev eth0 lladdr \(try site.mac("n1")) nud probe")
    try Self.eventually("confirmed") {
      let entries = try JSON(parsing: site.run("ip -n \(site.prefix)-client -j neigh show \(Site.v6) dev eth0"))
      return entries[0]["state"].elements.contains("REACHABLE")
    }
    again.crash()
    second.crash()
  }

  /// A server that does not answer: whoever may not renew falls silent by himself.
  @Test func silenceWithoutTheServer() throws {
    let site = try Site()
    let gate = Mutex(false)
    let transport = Faulty(site.server.transport) { gate.withLock { $0 } }
    let responder = try AddressResponder(namespace: try site.namespace("n1")) { link, _ in link.name == "eth0" }
    var options = AddressElection.Options(identity: "n1")
    options.timing = .init(duration: 2)
    let election = AddressElection(transport, options) { responder.set($0) }
    responder.start()
    election.start()
    election.want([(rank: 0, isUnused: false, address: IPAddress(Site.v4)!)])
    Self.eventually("announced") { site.answers(Site.v4) }
    gate.withLock { $0 = true }
    Self.eventually("silent") { responder.addresses.isEmpty }
    gate.withLock { $0 = false }
    Self.eventually("announced again") { !responder.addresses.isEmpty }
    election.stop()
    responder.stop()
  }
}

/// A way to the server that fails while somebody says so.
private struct Faulty: APITransport {
  let inner: any APITransport
  let isBroken: @Sendable () -> Bool

  init(_ inner: any APITransport, _ isBroken: @escaping @Sendable () -> Bool) {
    self.inner = inner
    self.isBroken = isBroken
  }

  func send(_ request: APIRequest) throws -> APIResponse {
    if isBroken() { return APIResponse(status: 503, headers: [:], body: []) }
    return try inner.send(request)
  }

  func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream { inner.stream(request, onData: onData, onEnd: onEnd) }
}
