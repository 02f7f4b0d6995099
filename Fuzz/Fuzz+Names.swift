import Addressing
import ClusterDNS
import ClusterModel
import JSON

let namesParsers: [String: Parser] = [
  // A question to a server with a small zone and fixed hosts.
  "dns": { bytes in
    for server in [servers.cluster, servers.alone] {
      guard let answer = server.answer(bytes) else { continue }
      precondition(answer.count >= 12 && answer.count <= 1232 && answer[..<2] == bytes[..<2], "an answer of odd form")
      precondition(answer[2] & 0x80 != 0, "an answer that is none")
    }
  },
  // An upstream's answer, to the question that it repeats.
  "dns-upstream": { bytes in
    guard bytes.count > 12 else { return }
    let end = bytes[12...].firstIndex(of: 0).map { $0 + 5 } ?? 0
    guard end > 12, end <= bytes.count else { return }
    let hasEDNS = bytes[11] & 1 == 1
    var question: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, hasEDNS ? 1 : 0] + bytes[12..<end]
    if hasEDNS { question += [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0] }
    for alias in [nil, try? DomainName(parsing: "example.com")] {
      guard let answer = servers.cluster.answer(question, upstream: bytes, alias: alias) else { continue }
      precondition(answer.count >= 12 && answer[0] == 0x12 && answer[1] == 0x34, "an answer of odd form")
    }
  },
  // A Corefile, and a question by the rules it makes.
  "corefile": { bytes in
    let files = Corefile.Surroundings(environment: ["UP": "192.0.2.3"]) { path in
      path == "/etc/resolv.conf" ? "nameserver 192.0.2.53\n" : path == "/etc/hosts" ? "192.0.2.9 h.example\n" : nil
    }
    guard let corefile = try? Corefile(parsing: String(decoding: bytes, as: UTF8.self), files) else { return }
    precondition(!corefile.blocks.isEmpty, "a Corefile without blocks")
    for block in corefile.blocks { _ = DatagramAnswers(zone: nil, rules: block)?.answer(question) }
  },
  "domain-name": { bytes in
    guard let name = try? DomainName(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
    _ = name.description
  },
]

/// `a-1.example.com A`.
private let question: [UInt8] =
  [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3] + Array("a-1".utf8) + [7] + Array("example".utf8) + [3]
  + Array("com".utf8) + [0, 0, 1, 0, 1]

private struct Servers: @unchecked Sendable {
  // @unchecked: the fuzzer has one thread.
  let cluster: DatagramAnswers
  let alone: DatagramAnswers
}

private let servers: Servers = {
  let objects = try! JSON(
    parsing: """
      [{"kind": "Service", "metadata": {"namespace": "default", "name": "web"}, "spec": {"clusterIP": "10.96.0.20",
        "clusterIPs": ["10.96.0.20", "fd00:96::20"], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}},
       {"kind": "Service", "metadata": {"namespace": "default", "name": "db"}, "spec": {"clusterIP": "None",
        "ports": [{"name": "sql", "port": 5432}]}},
       {"kind": "Service", "metadata": {"namespace": "default", "name": "out"}, "spec": {"type": "ExternalName",
        "externalName": "web.default.svc.cluster.local"}},
       {"kind": "Service", "metadata": {"namespace": "default", "name": "loop"}, "spec": {"type": "ExternalName",
        "externalName": "loop.default.svc.cluster.local"}},
       {"kind": "EndpointSlice", "metadata": {"namespace": "default", "name": "db-1",
        "labels": {"kubernetes.io/service-name": "db"}}, "addressType": "IPv4", "ports": [{"name": "sql", "port": 5432}],
        "endpoints": [{"addresses": ["10.244.1.2"], "hostname": "db-0", "conditions": {"ready": true}},
         {"addresses": ["10.244.2.2"], "conditions": {"ready": true}}]},
       {"kind": "Pod", "metadata": {"namespace": "default", "name": "db-0"}, "status": {"podIP": "10.244.1.2"}}]
      """)
  let state = cluster(of: objects.elements)
  let zone = ClusterZone(zone: try! DomainName(parsing: "cluster.local"))
  zone.replaceAll(
    state.services.keys.compactMap { state.serviceWithEndpoints($0) }, pods: state.pods.values, namespaces: ["empty"])
  let hosts = [try! DomainName(parsing: "gateway.lab"): [IPAddress("192.168.77.1")!, IPAddress("fd00:77::1")!]]
  return Servers(
    cluster: DatagramAnswers(
      zone: zone, hosts: hosts, pods: .verified,
      reverseRanges: [Prefix("10.244.0.0/16")!, Prefix("fd00:96::/108")!]),
    alone: DatagramAnswers(zone: nil, hosts: hosts))
}()
