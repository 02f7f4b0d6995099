import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import Netlink

/// What the kernel holds after our requests, as `ip -j` and `bridge -j` see it.
@Suite(.serialized) struct RouteKernelTests {
  let namespace: NetworkNamespace
  let routes: RouteSocket

  init() throws {
    namespace = try NetworkNamespace.create()
    routes = try RouteSocket(namespace: namespace)
  }

  private func oracle(_ command: String, in other: NetworkNamespace? = nil) throws -> JSON {
    let argv = command.split(separator: " ").map(String.init)
    let result = try ChildProcess.run(argv, namespace: other ?? namespace)
    guard result.status.isSuccess else {
      Issue.record("\(command): \(result.errorOutput)")
      return .null
    }
    return result.output.isEmpty ? [] : try JSON(parsing: result.standardOutput)
  }

  /// An object that has all these members, whatever others it has.
  private func has(_ list: JSON, _ members: JSON) -> Bool {
    list.elements.contains { object in members.members.allSatisfy { object[$0.key] == $0.value } }
  }

  /// A link with a carrier: a veth whose other end is here too.
  private func addWire(_ name: String) throws {
    try routes.perform([
      .addLink(.veth(peer: .init(name: "\(name)-peer"), in: nil), .init(name: name, isUp: true)),
      .setLink(.name("\(name)-peer"), .init(isUp: true)),
    ])
  }

  @Test func bridgeWithAVethIntoAnotherNamespace() throws {
    let pod = try NetworkNamespace.create()
    let podRoutes = try RouteSocket(namespace: pod)
    let mac = try MACAddress(parsing: "0a:58:0a:f4:01:01")
    try routes.perform(.addLink(.bridge, .init(name: "cni0", mac: mac, mtu: 1450, isUp: true)))
    let bridge = try #require(try routes.link(.name("cni0")))
    #expect(bridge.mac == mac && bridge.mtu == 1450 && bridge.kind == "bridge" && bridge.isUp)
    #expect(throws: NetlinkError.self) { try routes.perform(.addLink(.bridge, .init(name: "cni0"))) }
    try routes.perform(.addLink(.bridge, .init(name: "cni0")).accepting(EEXIST))

    try routes.perform(
      .addLink(
        .veth(peer: .init(name: "eth0", mtu: 1450), in: pod),
        .init(name: "veth1", mtu: 1450, master: bridge.index, isUp: true)))
    try routes.perform(.setLink(.name("veth1"), .init(alias: "for a pod")))
    try podRoutes.perform(.setLink(.name("eth0"), .init(isUp: true)))
    let inside = try #require(try podRoutes.link(.name("eth0")))
    let outside = try #require(try routes.link(.name("veth1")))
    #expect(outside.master == bridge.index && outside.peer == inside.index && outside.alias == "for a pod")
    #expect(outside.hasCarrier && inside.isUp && inside.peer == outside.index)
    #expect(try routes.links(master: bridge.index).map(\.name) == ["veth1"])
    #expect(try routes.links(kind: "bridge").map(\.name) == ["cni0"])

    try routes.perform(.setBridgePort(outside.index, hairpin: true, isolated: true))
    let port = try oracle("bridge -j -d link show dev veth1")[0]
    #expect(port["hairpin"] == true && port["isolated"] == true && port["master"] == "cni0")
    let seen = try oracle("ip -j -d link show eth0", in: pod)[0]
    #expect(seen["mtu"] == 1450 && seen["linkinfo", "info_kind"] == "veth" && seen["operstate"] == "UP")

    try routes.perform([
      .setLink(.name("veth1"), .init(mtu: 1400, master: 0, isUp: false)),
      .setLink(.index(outside.index), .init(name: "other")),
    ])
    let changed = try oracle("ip -j link show other")[0]
    #expect(changed["mtu"] == 1400 && changed["master"] == .null && changed["operstate"] == "DOWN")
    try routes.perform(.deleteLink(.name("other")))
    #expect(try podRoutes.link(.name("eth0")) == nil)
    #expect(throws: NetlinkError.self) { try routes.perform(.deleteLink(.name("other"))) }
  }

  @Test func addressesAndRoutes() throws {
    try addWire("d0")
    try routes.perform(.setLink(.name("lo"), .init(isUp: true)))
    let index = try #require(try routes.link(.name("d0"))).index
    let four = InterfaceAddress(interface: index, try IPAddress(parsing: "10.244.1.1"), prefixLength: 24)
    let six = InterfaceAddress(interface: index, try IPAddress(parsing: "fd00:1::1"), prefixLength: 64)
    try routes.perform([.addAddress(four), .addAddress(six), .addAddress(four)])
    #expect(throws: NetlinkError.self) { try routes.perform(.addAddress(four, existing: .isAnError)) }
    let listed = try routes.addresses(interface: index)
    #expect(listed.contains { $0.address == four.address && $0.prefixLength == 24 })
    let seen = try oracle("ip -j addr show dev d0")[0]["addr_info"]
    #expect(has(seen, ["local": "10.244.1.1", "prefixlen": 24, "broadcast": "10.244.1.255"]))
    // No duplicate address detection: usable at once.
    #expect(has(seen, ["local": "fd00:1::1", "tentative": .null, "nodad": true]), "\(seen)")

    let wanted = [
      Route(
        try Prefix(parsing: "10.244.2.0/24"), gateway: try IPAddress(parsing: "10.244.2.0"), interface: index,
        isOnlink: true, mtu: 1400),
      Route(try Prefix(parsing: "10.96.0.0/16"), interface: index, preferredSource: four.address),
      Route(try Prefix(parsing: "10.244.0.0/16"), kind: .blackhole, metric: 900),
      Route(try Prefix(parsing: "10.96.0.10/32"), kind: .local, interface: 1, table: Route.localTable),
      Route(try Prefix(parsing: "fd00:2::/64"), gateway: try IPAddress(parsing: "fd00:1::2"), interface: index),
      Route(
        try Prefix(parsing: "0.0.0.0/0"), gateway: try IPAddress(parsing: "fe80::1"), interface: index, table: 1000),
    ]
    try routes.perform(wanted.map { .addRoute($0) })
    try routes.perform(wanted.map { .addRoute($0) })
    let ours = try routes.routes(table: nil, protocolNumber: Route.ownProtocol)
    var expected = Set(wanted)
    let blackhole = try #require(expected.first { $0.kind == .blackhole })
    expected.remove(blackhole)
    #expect(expected.isSubset(of: ours), "\(expected.subtracting(ours)) \(Set(ours).subtracting(expected))")
    #expect(ours.count == wanted.count)
    #expect(try routes.routes(table: 1000).count == 1)
    #expect(try routes.routes(table: 4711).isEmpty)

    let shown = try oracle("ip -j route show proto 87")
    #expect(
      has(
        shown,
        [
          "dst": "10.244.2.0/24", "gateway": "10.244.2.0", "flags": ["onlink"], "metrics": [["mtu": 1400]],
        ]), "\(shown)")
    #expect(has(shown, ["type": "blackhole", "metric": 900]))
    #expect(has(shown, ["dst": "10.96.0.0/16", "prefsrc": "10.244.1.1", "scope": "link"]))
    #expect(try oracle("ip -j route show table local proto 87")[0]["dst"] == "10.96.0.10")
    #expect(try oracle("ip -j -6 route show proto 87")[0]["gateway"] == "fd00:1::2")
    try routes.perform(ours.map { .deleteRoute($0) })
    #expect(try routes.routes(table: nil, protocolNumber: Route.ownProtocol).isEmpty)
    try routes.perform([.deleteAddress(four), .deleteAddress(six)])
    #expect(try !routes.addresses(interface: index).contains { $0.prefixLength == 24 })
  }

  @Test func vxlanWithNeighbourAndForwardingEntry() throws {
    try addWire("under")
    let under = try #require(try routes.link(.name("under"))).index
    let tunnel = Link.VXLAN(id: 1, port: 8472, local: try IPAddress(parsing: "192.168.77.11"), underlay: under)
    let mac = try MACAddress(parsing: "66:00:00:00:00:01")
    try routes.perform(.addLink(.vxlan(tunnel), .init(name: "swiftlet.1", mac: mac, mtu: 1450, isUp: true)))
    let link = try #require(try routes.link(.name("swiftlet.1")))
    #expect(link.vxlan == tunnel && link.mac == mac)
    let seen = try oracle("ip -j -d link show swiftlet.1")[0]["linkinfo", "info_data"]
    #expect(seen["id"] == 1 && seen["port"] == 8472 && seen["local"] == "192.168.77.11" && seen["learning"] == false)

    let peer = try MACAddress(parsing: "66:00:00:00:00:02")
    let neighbour = Neighbour(interface: link.index, try IPAddress(parsing: "10.244.2.0"), mac: peer)
    let entry = ForwardingEntry(interface: link.index, peer, destination: try IPAddress(parsing: "192.168.77.12"))
    try routes.perform([.setNeighbour(neighbour), .setForwardingEntry(entry), .setForwardingEntry(entry)])
    #expect(try routes.neighbours(interface: link.index, family: .v4) == [neighbour])
    #expect(try routes.forwardingEntries(interface: link.index) == [entry])
    let shown = try oracle("bridge -j fdb show dev swiftlet.1")
    let asShown: JSON = [
      "mac": "66:00:00:00:00:02", "dst": "192.168.77.12", "state": "permanent", "flags": ["self"],
    ]
    #expect(has(shown, asShown), "\(shown)")
    let neighbours = try oracle("ip -j neigh show dev swiftlet.1 nud permanent")
    #expect(has(neighbours, ["dst": "10.244.2.0", "lladdr": "66:00:00:00:00:02"]))
    try routes.perform([.deleteForwardingEntry(entry), .deleteNeighbour(neighbour)])
    #expect(try routes.neighbours(interface: link.index, family: .v4).isEmpty)
    #expect(try routes.forwardingEntries(interface: link.index).isEmpty)
  }

  @Test func rules() throws {
    let rule = RoutingRule(
      .v4, priority: 500, source: try Prefix(parsing: "10.244.1.0/24"), mark: 0x4000, mask: 0x4000, table: 1000)
    try routes.perform(.addRule(rule))
    #expect(try routes.rules(family: .v4).contains(rule))
    #expect(throws: NetlinkError.self) { try routes.perform(.addRule(rule)) }
    let shown = try oracle("ip -j rule show priority 500")[0]
    #expect(shown["src"] == "10.244.1.0" && shown["fwmark"] == "0x4000" && shown["table"] == "1000", "\(shown)")
    try routes.perform(.deleteRule(rule))
    #expect(try !routes.rules(family: .v4).contains(rule))
  }

  @Test func eventsTellWhatHappened() throws {
    let events = try RouteEventSocket(RouteEventSocket.Topic.allCases, namespace: namespace)
    #expect(try events.receive(wait: false).isEmpty)
    try routes.perform([.setLink(.name("lo"), .init(isUp: true))])
    try addWire("d1")
    let index = try #require(try routes.link(.name("d1"))).index
    let route = Route(try Prefix(parsing: "10.9.0.0/16"), interface: index)
    let neighbour = Neighbour(interface: index, try IPAddress(parsing: "10.9.0.1"), mac: MACAddress(rawValue: 2 << 40))
    try routes.perform([
      .addRoute(route), .deleteRoute(route), .setNeighbour(neighbour),
      .addAddress(InterfaceAddress(interface: index, try IPAddress(parsing: "10.8.0.1"), prefixLength: 16)),
      .deleteLink(.index(index)),
    ])
    var seen: [RouteEvent] = []
    while true {
      let more = try events.receive(wait: false)
      if more.isEmpty { break }
      seen += more
    }
    #expect(seen.contains(.route(route)) && seen.contains(.routeRemoved(route)))
    #expect(seen.contains(.neighbour(neighbour)))
    #expect(seen.contains { if case .link(let link) = $0 { link.name == "d1" } else { false } })
    #expect(seen.contains { if case .linkRemoved(let link) = $0 { link.index == index } else { false } })
    #expect(seen.contains { if case .address(let address) = $0 { address.prefixLength == 16 } else { false } })
  }

  @Test func aBatchReportsTheFirstFailureAndDoesTheRest() throws {
    let many = (0..<200).map { RouteRequest.addLink(.bridge, .init(name: "d\($0)")) }
    try routes.perform(many)
    #expect(try routes.links(kind: "bridge").count == 200)
    let failures = try routes.failures([
      .deleteLink(.name("nothing")), .deleteLink(.name("d0")), .deleteLink(.name("none")).accepting(ENODEV),
    ])
    #expect(failures.map(\.operation) == ["delete link nothing"])
    #expect(failures.first?.code == ENODEV)
    #expect(try routes.link(.name("d0")) == nil)
  }
}
