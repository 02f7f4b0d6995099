import Addressing
import ClusterModel
import Testing

@testable import ClusterDNS

/// Who gets the cluster's zone (AXFR, RFC 5936) and what is in it.
@Suite struct TransferTests {
  func server(_ allowed: [String], isSynced: Bool = true) throws -> DNSServer {
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.transferTo = allowed.map { Prefix($0)! }
    configuration.workers = 1
    let server = try DNSServer(configuration)
    if isSynced { server.replaceAll(Samples.services, pods: [Samples.pod], namespaces: ["quiet"]) }
    try server.start()
    return server
  }

  /// Every answer of the table that has records of its own is in the zone, as kdig reads it.
  @Test func allOfItIsThere() throws {
    let server = try server(["127.0.0.0/8"])
    defer { server.stop() }
    let lines = run("kdig @127.0.0.1 -p \(server.addresses[0].port) +noidn +nottl +noclass cluster.local AXFR")
      .split(separator: "\n").filter { !$0.hasPrefix(";") }
      .map { $0.split { $0 == "\t" || $0 == " " }.map { $0.lowercased() } }
    let records = Set(
      lines.map { words in
        let owner = String(words[0].dropLast())
        let data =
          switch words[1] {
          case "srv": "\(words[4]) \(words[5].dropLast())"
          case "cname", "ptr", "ns": String(words[2].dropLast())
          case "txt": words[2].filter { $0 != "\"" }
          default: words[2]
          }
        return "\(owner) \(words[1].uppercased()) \(data)"
      })
    #expect(lines.first?[1] == "soa" && lines.last == lines.first)
    var count = 0
    for test in ZoneTests.cases where test.type != .any && test.code == .noError {
      // Pods' names are computed and not listed; `ns.dns` has the addresses of where this server listens.
      guard !test.name.hasSuffix(".pod.cluster.local"), !test.name.lowercased().hasPrefix("ns.dns.") else { continue }
      for answer in test.answers {
        #expect(records.contains(answer), "\(answer)")
        count += 1
      }
    }
    #expect(count > 25 && records.contains("cluster.local NS ns.dns.cluster.local"))
  }

  /// Nobody gets it unasked for, over UDP, before it is whole, or from another zone's name.
  @Test(
    arguments: [
      ([], true, "cluster.local AXFR"), (["192.0.2.0/24"], true, "cluster.local AXFR"),
      (["127.0.0.0/8"], true, "svc.cluster.local AXFR"), (["127.0.0.0/8"], true, "example.org AXFR"),
      (["127.0.0.0/8"], false, "cluster.local AXFR"), (["127.0.0.0/8"], true, "+notcp cluster.local AXFR"),
    ] as [([String], Bool, String)])
  func othersAreRefused(_ allowed: [String], _ isSynced: Bool, _ question: String) throws {
    let server = try server(allowed, isSynced: isSynced)
    defer { server.stop() }
    let output = run("kdig @127.0.0.1 -p \(server.addresses[0].port) +retry=0 \(question)")
    #expect(output.contains("REFUSED") && !output.contains("SOA\t"), "\(output)")
  }

  /// IXFR may be answered with the whole (RFC 1995 section 4).
  @Test func incrementalIsWhole() throws {
    let server = try server(["127.0.0.1/32"])
    defer { server.stop() }
    let output = run("kdig @127.0.0.1 -p \(server.addresses[0].port) +noidn cluster.local IXFR=1")
    #expect(output.contains("web.default.svc.cluster.local."), "\(output)")
  }
}
