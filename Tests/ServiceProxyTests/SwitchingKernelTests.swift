import Addressing
import ClusterModel
import Glibc
import Linux
import ServiceProxy
import Testing

/// From one back end to another while clients connect; and what kube-proxy left.
@Suite(.serialized) struct SwitchingKernelTests {
  /// Clients connect all the time while back ends follow one another; none is refused or waits.
  static func check(_ backends: [TestBackend], _ topic: String, connections: Int = 3000) throws {
    let node = try TestNode(topic, pods: ["client": 9, "b1": 11, "b2": 12])
    var proxies = [try backends[0].proxy(ServiceProxyKernelTests.configuration, node)]
    let services = [ServiceProxyKernelTests.web([11, 12])]
    try proxies[0].sync(full: services)
    let clients = [
      node.background("client", "tcp", "10.96.0.1", 80, connections),
      node.background("client", "udp", "fd00:96::1", 80, connections),
    ]
    // One that is open goes on, unless IPVS had it.
    let keepsOpen = !backends.contains { $0.isIPVS }
    let stream = keepsOpen ? node.background("client", "stream", "fd00:96::1", 80, 400) : nil
    for backend in backends.dropFirst() {
      usleep(200_000)
      let next = try backend.proxy(ServiceProxyKernelTests.configuration, node)
      try next.sync(full: services)
      proxies.append(next)
    }
    // What IPVS has translated ends with it: an answer that is on its way then is lost, to each client at most one a time.
    let leavings = backends.dropLast().count { $0.isIPVS }
    for var seen in clients.map({ TestNode.byName($0()) }) {
      let lost = seen.removeValue(forKey: "TIMEOUT") ?? 0
      #expect(lost <= leavings && Set(seen.keys) == ["b1", "b2"], "\(seen), lost \(lost)")
      #expect(seen.values.reduce(0, +) + lost == connections, "\(seen), lost \(lost)")
    }
    if let stream { #expect(stream().values.reduce(0, +) == 400) }
    // Nothing of the others is left.
    let rules = node.run("node", "sh -c 'nft list tables; iptables-nft-save; iptables-legacy-save'")
    let last = backends[backends.count - 1]
    #expect(rules.contains("swiftlet-services") == last.isNFTables, "\(rules)")
    #expect(rules.contains("swiftlet-ipvs") == last.isIPVS)
    #expect(rules.contains("KUBE-") == (last.kind.mode == "iptables"), "\(rules)")
    #expect(node.run("node", "ip link").contains("kube-ipvs0") == last.isIPVS)
  }

  @Test func noConnectionIsLost() throws {
    let (nft, legacy) = (TestBackend.iptables[0], TestBackend.iptables[1])
    try Self.check([.nftables, nft, .nftables, legacy, nft, legacy, .nftables], "switch")
    try Self.check([.nftables, nft], "switchi")
    try Self.check([nft, legacy], "switchl")
  }

  /// Names and shapes as kube-proxy writes them in its three modes, beside kubelet's and other people's.
  static let recorded = """
    *filter
    :KUBE-EXTERNAL-SERVICES - [0:0]
    :KUBE-FIREWALL - [0:0]
    :KUBE-FORWARD - [0:0]
    :KUBE-KUBELET-CANARY - [0:0]
    :KUBE-NODEPORTS - [0:0]
    :KUBE-PROXY-CANARY - [0:0]
    :KUBE-PROXY-FIREWALL - [0:0]
    :KUBE-SERVICES - [0:0]
    :OTHERS - [0:0]
    -A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
    -A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
    -A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
    -A INPUT -j KUBE-FIREWALL
    -A INPUT -j OTHERS
    -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
    -A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
    -A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
    -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
    -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
    -A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
    COMMIT
    *nat
    :KUBE-EXT-CG5I4G2RS3ZVWGLK - [0:0]
    :KUBE-KUBELET-CANARY - [0:0]
    :KUBE-LOAD-BALANCER - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    :KUBE-NODEPORTS - [0:0]
    :KUBE-NODE-PORT - [0:0]
    :KUBE-POSTROUTING - [0:0]
    :KUBE-PROXY-CANARY - [0:0]
    :KUBE-SEP-4FTWRXO5YMUQD6ZQ - [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]
    :CNI-MASQ - [0:0]
    -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
    -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
    -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
    -A POSTROUTING -s 10.200.0.0/16 -j CNI-MASQ
    -A CNI-MASQ -j MASQUERADE
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
    -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
    -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
    -A KUBE-SEP-4FTWRXO5YMUQD6ZQ -s 10.0.0.5/32 -m comment --comment "default/kubernetes:https" -j KUBE-MARK-MASQ
    -A KUBE-SEP-4FTWRXO5YMUQD6ZQ -p tcp -m comment --comment "default/kubernetes:https" -m tcp -j DNAT --to-destination 10.0.0.5:6443
    -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
    -A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
    -A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
    -A KUBE-NODEPORTS -p tcp -m comment --comment "default/web" -m tcp --dport 30080 -j KUBE-EXT-CG5I4G2RS3ZVWGLK
    -A KUBE-EXT-CG5I4G2RS3ZVWGLK -j KUBE-MARK-MASQ
    -A KUBE-SVC-NPX46M4PTMTKRN6Y -m comment --comment "default/kubernetes:https -> 10.0.0.5:6443" -j KUBE-SEP-4FTWRXO5YMUQD6ZQ
    COMMIT

    """

  @Test(arguments: ["nft", "legacy"]) func whatKubeProxyLeftGoes(_ variant: String) throws {
    let node = try TestNode("clean-\(variant)", pods: ["client": 9, "b1": 11])
    try FileDescriptor.open("/tmp/\(node.prefix)/recorded", O_WRONLY | O_CREAT).writeAll(Array(Self.recorded.utf8))
    #expect(node.run("node", "ipset create KUBE-CLUSTER-IP hash:ip,port") == "")
    #expect(node.run("node", "ipset create OTHERS hash:ip") == "")
    #expect(node.run("node", "sh -c 'iptables-\(variant)-restore --noflush < /tmp/\(node.prefix)/recorded'") == "")
    for family in ["ip", "ip6"] { #expect(node.run("node", "nft add table \(family) kube-proxy") == "") }
    #expect(node.run("node", "nft add table ip others") == "")

    let (removed, problems) = KubeProxyCleanup.run(namespace: node.namespace)
    #expect(problems == [])
    #expect(removed.count == 3, "\(removed)")
    let rules = node.run("node", "iptables-\(variant)-save").split(separator: "\n")
      .filter { $0.hasPrefix("-A") || $0.contains(" - [") }.map { $0.prefix { $0 != "[" } }
    #expect(
      Set(rules.filter { $0.hasPrefix(":") }) == [
        ":KUBE-FIREWALL - ", ":KUBE-KUBELET-CANARY - ", ":OTHERS - ", ":CNI-MASQ - ",
      ],
      "\(rules)")
    #expect(rules.count { $0.hasPrefix("-A") } == 5, "\(rules)")
    #expect(node.run("node", "nft list tables").contains("table ip others"))
    #expect(!node.run("node", "nft list tables").contains("kube-proxy"))
    #expect(node.run("node", "ipset list -n") == "OTHERS\n")
    #expect(KubeProxyCleanup.run(namespace: node.namespace).removed == [])

    // Our own iptables back end, by the same names, is left alone.
    let proxy = try ServiceProxy(
      ServiceProxyKernelTests.configuration, backend: .iptables(variant == "nft" ? .nft : .legacy),
      namespace: node.namespace)
    try proxy.sync(full: [ServiceProxyKernelTests.web([11])])
    #expect(KubeProxyCleanup.run(namespace: node.namespace).removed == [])
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 2) == ["b1 10.244.0.9": 2])
  }
}
