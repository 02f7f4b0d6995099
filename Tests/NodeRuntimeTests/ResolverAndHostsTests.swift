import JSON
import Testing

@testable import Lab

@Suite struct ResolverAndHostsTests {
  static let host = ResolverConfiguration(
    parsing:
      "# a comment\ndomain old\nnameserver 1.1.1.1\nnameserver\t9.9.9.9\nsearch corp.example\noptions timeout:1\n")

  static func pod(_ spec: JSON) -> PodManifest {
    PodManifest(["metadata": ["name": "web-0", "namespace": "shop", "uid": "u"], "spec": spec])
  }

  static let cluster = """
    search shop.svc.cluster.local svc.cluster.local cluster.local corp.example
    nameserver 10.96.0.10
    options ndots:5

    """
  static let node = "search corp.example\nnameserver 1.1.1.1\nnameserver 9.9.9.9\noptions timeout:1\n"

  @Test(arguments: [
    (#"{}"#, cluster), (#"{"dnsPolicy": "ClusterFirst"}"#, cluster),
    (#"{"dnsPolicy": "ClusterFirst", "hostNetwork": true}"#, node),
    (#"{"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true}"#, cluster), (#"{"dnsPolicy": "Default"}"#, node),
    (#"{"dnsPolicy": "None"}"#, ""),
    (
      #"{ "dnsPolicy": "None", "dnsConfig": { "nameservers": ["192.0.2.1"], "searches": ["a.b"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}}"#,
      "search a.b\nnameserver 192.0.2.1\noptions ndots:2 edns0\n"
    ),
    (
      #"{"dnsConfig": {"nameservers": ["192.0.2.1", "10.96.0.10"], "options": [{"name": "ndots", "value": "1"}]}}"#,
      """
      search shop.svc.cluster.local svc.cluster.local cluster.local corp.example
      nameserver 10.96.0.10
      nameserver 192.0.2.1
      options ndots:1

      """
    ),
  ])
  func resolvConf(spec: String, expected: String) {
    let configuration = ResolverConfiguration.forPod(
      Self.pod(json(spec)), host: Self.host, clusterServers: ["10.96.0.10"], clusterDomain: "cluster.local")
    #expect(configuration.text == expected)
  }

  @Test func withoutClusterDNSTheNodesIsUsed() {
    let configuration = ResolverConfiguration.forPod(
      Self.pod([:]), host: Self.host, clusterServers: [], clusterDomain: "cluster.local")
    #expect(configuration.text == Self.node)
  }

  private func hosts(_ spec: JSON, addresses: [String] = ["10.244.1.2"]) -> [Substring] {
    HostsFile.text(
      Self.pod(spec), addresses: addresses, nodeName: "node1", clusterDomain: "cluster.local",
      nodeHosts: "127.0.0.1 here"
    ).split(separator: "\n")
  }

  @Test func hostsNameThePod() {
    #expect(hosts([:]).last == "10.244.1.2\tweb-0")
    #expect(hosts([:], addresses: []).last == "fe00::2\tip6-allrouters")
    #expect(hosts([:], addresses: ["10.244.1.2", "fd00::2"]).suffix(2) == ["10.244.1.2\tweb-0", "fd00::2\tweb-0"])
    #expect(
      hosts(["hostname": "db", "subdomain": "data"]).last == "10.244.1.2\tdb.data.shop.svc.cluster.local\tdb")
    #expect(hosts(["hostNetwork": true]).last == "127.0.0.1 here")
    let aliases: JSON = ["hostAliases": [["ip": "192.0.2.9", "hostnames": ["a", "b.c"]]]]
    #expect(hosts(aliases).last == "192.0.2.9\ta\tb.c")
  }

  @Test(arguments: [
    (#"{}"#, "web-0"), (#"{"hostname": "db"}"#, "db"), (#"{"hostNetwork": true, "hostname": "db"}"#, "node1"),
    (#"{"subdomain": "data", "setHostnameAsFQDN": true}"#, "web-0.data.shop.svc.cluster.local"),
    (#"{"subdomain": "data"}"#, "web-0"), (#"{"setHostnameAsFQDN": true}"#, "web-0"),

  ])
  func kernelHostname(spec: String, expected: String) {
    #expect(Self.pod(json(spec)).kernelHostname(nodeName: "node1", clusterDomain: "cluster.local") == expected)
  }

  @Test func longNamesAreCutToALabel() {
    let name = String(repeating: "a", count: 62) + "-tail"
    let pod = PodManifest(["metadata": ["name": .string(name), "namespace": "shop"]])
    #expect(pod.hostname(nodeName: "n") == String(repeating: "a", count: 62))
  }
}

/// A table's JSON: literals of another type than text take the compiler very long.
func json(_ text: String) -> JSON {
  guard let value = try? JSON(parsing: text) else { fatalError("the table holds no JSON: \(text)") }
  return value
}
