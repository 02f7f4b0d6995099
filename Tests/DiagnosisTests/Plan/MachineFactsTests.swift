import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Testing

@testable import Diagnosis

@Suite struct MachineFactsTests {
  @Test(arguments: [
    ("docker0", "bridge", "docker"), ("docker_gwbridge", "bridge", "docker"), ("br-0a1b2c3d4e5f", "bridge", "docker"),
    ("br-lan", "bridge", "link"), ("br-0a1b2c3d4e5f", "dummy", "link"), ("br0", "bridge", "link"), ("wg0", "", "vpn"),
    ("office", "wireguard", "vpn"), ("wgx", "", "link"), ("tun0", "tun", "vpn"), ("tunnel", "", "link"),
    ("tailscale0", "tun", "vpn"), ("ztabcdef12", "tun", "vpn"), ("ppp0", "ppp", "vpn"), ("corp", "xfrm", "vpn"),
    ("virbr0", "bridge", "virtual"), ("podman0", "bridge", "virtual"), ("cni-podman0", "bridge", "virtual"),
    ("lxdbr0", "bridge", "virtual"), ("cni0", "bridge", "cni"), ("flannel.1", "vxlan", "cni"),
    ("vxlan.calico", "vxlan", "cni"), ("cali12345678901", "veth", "cni"), ("cilium_host", "veth", "cni"),
    ("kube-ipvs0", "dummy", "cni"), ("swiftlet.1", "vxlan", "cni"), ("tunl0", "ipip", "cni"), ("eth0", "", "link"),
    ("enp3s0", "", "link"), ("bond0", "bond", "link"), ("vxlan7", "vxlan", "route"),
  ]) func links(name: String, kind: String, network: String) {
    #expect(LinkUse(name: name, kind: kind.isEmpty ? nil : kind).network.rawValue == network)
  }

  @Test func dockersSettings() throws {
    #expect(try DockerSettings(JSON(parsing: "{}")).pools == AddressSpace.dockerPools)
    let settings = try DockerSettings(
      JSON(
        parsing: #"""
          {"default-address-pools": [{"base": "10.201.0.0/16", "size": 24}, {"base": "fd12::/64", "size": 80}],
           "bip": "10.200.0.1/24", "log-driver": "journald"}
          """#))
    #expect(settings.pools.map(\.description) == ["10.201.0.0/16", "fd12::/64"])
    #expect(!settings.arePoolsDefault && settings.bridges.map(\.description) == ["10.200.0.0/24"])
    for (text, problem) in [
      ("[]", "no JSON object"), (#"{"default-address-pools": [{"size": 24}]}"#, "expected objects with base"),
      (#"{"bip": "10.0.0.1"}"#, "bip: \"10.0.0.1\""),
      (#"{"default-address-pools": [{"base": "ten"}]}"#, "default-address-pools: \"ten\""),
    ] {
      let json = try JSON(parsing: text)
      let error = #expect(throws: PlanInputError.self) { try DockerSettings(json) }
      #expect(error?.description.contains(problem) == true, "\(error.map(\.description) ?? "")")
    }
  }

  @Test func nameServers() {
    let text = """
      # made by hand
      search example.org
      nameserver 127.0.0.53
      nameserver\t192.0.2.53
      nameserver fe80::1%eth0
      nameserver 2001:db8::53
      nameserver
      """
    #expect(MachineFacts.resolvers(text).map(\.description) == ["192.0.2.53", "2001:db8::53"])
  }
}

/// What is in use is read from the kernel: links, addresses and routes made by `ip` in a namespace.
@Suite(.serialized) struct MachineFactsKernelTests {
  let namespace: NetworkNamespace

  init() throws { namespace = try NetworkNamespace.create() }

  private func ip(_ commands: String) throws {
    let result = try ChildProcess.run(["ip", "-batch", "-"], input: Array(commands.utf8), namespace: namespace)
    try #require(result.status.isSuccess, "\(result.errorOutput)")
  }

  private func root(_ daemon: String?) throws -> String {
    let root = "/tmp/swt-plan-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try Files.makeDirectories(root + "/etc/docker")
    if let daemon { try Files.write(root + "/etc/docker/daemon.json", daemon) }
    try Files.write(root + "/etc/resolv.conf", "nameserver 192.0.2.53\n")
    return root
  }

  @Test func whatAMachineUses() throws {
    try ip(
      """
      link set lo up
      link add eth0 type veth peer name far1
      link set far1 up
      addr add 192.168.1.5/24 dev eth0
      addr add 2001:db8:7::5/64 dev eth0 nodad
      link set eth0 up
      link add docker0 type bridge
      addr add 172.17.0.1/16 dev docker0
      link add br-0a1b2c3d4e5f type bridge
      addr add 172.18.0.1/16 dev br-0a1b2c3d4e5f
      link add wg0 type veth peer name far2
      link set far2 up
      addr add 10.8.0.2/32 dev wg0
      link set wg0 up
      route add 10.8.0.0/24 dev wg0
      route add 10.9.0.0/16 dev wg0 table 51820
      link add tailscale0 type veth peer name far3
      link set far3 up
      addr add 100.101.1.1/32 dev tailscale0
      link set tailscale0 up
      link add cni0 type bridge
      addr add 10.244.1.1/24 dev cni0
      link set cni0 up
      route add default via 192.168.1.1
      route add 0.0.0.0/1 dev wg0
      route add 10.20.0.0/16 via 192.168.1.1
      route add 10.30.0.0/16 nexthop via 192.168.1.1 nexthop via 192.168.1.2
      route add blackhole 10.40.0.0/16

      """)
    let root = try root(nil)
    defer { try? Files.removeTree(root) }
    let facts = try MachineFacts(RouteSocket(namespace: namespace), root: root)
    let ranges = facts.ranges
    let found = Set(ranges.map { "\($0.network.rawValue) \($0.prefix)" })
    let expected: Set<String> = [
      "link 192.168.1.0/24", "link 2001:db8:7::/64", "docker 172.17.0.0/16", "docker 172.18.0.0/16", "vpn 10.8.0.0/24",
      "vpn 10.9.0.0/16", "vpn 100.64.0.0/10", "cni 10.244.1.0/24", "route 10.20.0.0/16", "route 10.30.0.0/16",
      "route 10.40.0.0/16", "resolver 192.0.2.53/32",
    ]
    let pools = Set(AddressSpace.dockerPools.map { "docker-pool \($0)" })
    #expect(found == expected.union(pools), "\(found.symmetricDifference(expected.union(pools)))")
    for range in ranges { #expect(range.role == .reserved && !range.source.isEmpty) }

    // A proposal goes around all of it, and the usual ranges are told to collide.
    var request = PlanRequest()
    request.taken = ranges
    request.demand.nodes = 3
    let report = PlanReport(request)
    #expect(report.isSound)
    for range in report.request.planned {
      #expect(!ranges.contains { $0.prefix.overlaps(range.prefix) }, "\(range) of \(ranges)")
    }
    request.pods = [PlannedRange(.pod, Prefix("10.8.0.0/14")!, from: "--pod-range")]
    #expect(
      PlanReport(request).findings.contains {
        $0.severity == .error && $0.subject.contains("VPN 10.8.0.0/24 (from a route by WireGuard's wg0)")
      })
  }

  @Test func dockersOwnFileDecides() throws {
    let root = try root(#"{"default-address-pools": [{"base": "10.201.0.0/16", "size": 24}]}"#)
    defer { try? Files.removeTree(root) }
    let ranges = try MachineFacts(RouteSocket(namespace: namespace), root: root).ranges
    #expect(ranges.filter { $0.network == .dockerPool }.map { "\($0.prefix)" } == ["10.201.0.0/16"])
    try Files.write(root + "/etc/docker/daemon.json", "{")
    let error = #expect(throws: PlanInputError.self) {
      _ = try MachineFacts(RouteSocket(namespace: namespace), root: root)
    }
    #expect(error?.description.contains("daemon.json") == true)
  }
}
