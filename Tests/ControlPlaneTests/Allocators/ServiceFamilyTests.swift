import Addressing
import Glibc
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// The families of Services, by the rules of KEP-563 and the API reference.
@Suite struct ServiceFamilyTests {
  struct Example: Sendable, CustomTestStringConvertible {
    var spec: JSON
    var old: JSON?
    var cluster: [IPFamily] = [.v4, .v6]
    /// `IPv4,IPv6 PreferDualStack`, or words of the fault.
    var result: String
    var testDescription: String { "\(spec) on \(cluster) was \(old?.description ?? "new"): \(result)" }
  }

  private static let selector: JSON = ["app": "a"]
  private static func spec(_ members: JSON) -> JSON {
    var spec: JSON = ["selector": selector]
    for member in members.members { spec[member.key] = member.value }
    return spec
  }
  private static let dual = spec([
    "clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5", "fd00::5"], "ipFamilies": ["IPv4", "IPv6"],
    "ipFamilyPolicy": "PreferDualStack",
  ])
  private static func changed(_ spec: JSON, _ members: JSON) -> JSON {
    var spec = spec
    for member in members.members { spec[member.key] = member.value }
    return spec
  }

  static let examples: [Example] = [
    // Defaults.
    Example(spec: spec([:]), result: "IPv4 SingleStack"),
    Example(spec: spec([:]), cluster: [.v6, .v4], result: "IPv6 SingleStack"),
    Example(spec: spec([:]), cluster: [.v6], result: "IPv6 SingleStack"),
    Example(spec: spec(["ipFamilyPolicy": "PreferDualStack"]), result: "IPv4,IPv6 PreferDualStack"),
    Example(
      spec: spec(["ipFamilyPolicy": "RequireDualStack"]), cluster: [.v6, .v4], result: "IPv6,IPv4 RequireDualStack"),
    Example(spec: spec(["ipFamilyPolicy": "PreferDualStack"]), cluster: [.v6], result: "IPv6 PreferDualStack"),
    Example(spec: spec(["ipFamilies": ["IPv6"]]), result: "IPv6 SingleStack"),
    Example(
      spec: spec(["ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack"]), result: "IPv6,IPv4 PreferDualStack"),
    Example(spec: spec(["ipFamilies": ["IPv6", "IPv4"]]), result: "IPv6,IPv4 RequireDualStack"),
    Example(spec: spec(["clusterIP": "fd00::7"]), result: "IPv6 SingleStack"),
    Example(
      spec: spec(["clusterIP": "fd00::7", "clusterIPs": ["fd00::7", "10.96.0.7"]]), result: "IPv6,IPv4 RequireDualStack"
    ),
    // Headless ones, with a selector and without.
    Example(spec: spec(["clusterIP": "None"]), result: "IPv4 SingleStack"),
    Example(
      spec: spec(["clusterIP": "None", "ipFamilyPolicy": "PreferDualStack"]), result: "IPv4,IPv6 PreferDualStack"),
    Example(spec: ["clusterIP": "None"], result: "IPv4,IPv6 RequireDualStack"),
    Example(spec: ["clusterIP": "None"], cluster: [.v6], result: "IPv6,IPv4 RequireDualStack"),
    Example(spec: ["clusterIP": "None", "ipFamilyPolicy": "SingleStack"], result: "IPv4 SingleStack"),
    // Refused.
    Example(
      spec: spec(["ipFamilyPolicy": "RequireDualStack"]), cluster: [.v4],
      result: "this cluster is not configured for dual-stack services"),
    Example(
      spec: spec(["ipFamilies": ["IPv6"]]), cluster: [.v4],
      result: "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured"),
    Example(spec: spec(["ipFamilies": ["IPv4", "IPv4"]]), result: "spec.ipFamilies[1]: Duplicate"),
    Example(spec: spec(["ipFamilies": ["IPv5"]]), result: "spec.ipFamilies[0]: Unsupported value"),
    Example(spec: spec(["ipFamilyPolicy": "Dual"]), result: "spec.ipFamilyPolicy: Unsupported value"),
    Example(
      spec: spec(["ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "SingleStack"]),
      result: "must be RequireDualStack or PreferDualStack when multiple ipFamilies are specified"),
    Example(
      spec: spec(["clusterIP": "10.96.0.7", "ipFamilies": ["IPv6"]]),
      result: "spec.clusterIPs[0]: Invalid value: \"10.96.0.7\": expected an IPv6 value as indicated by `ipFamilies[0]`"
    ),
    Example(
      spec: spec(["clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "10.96.0.8"]]),
      result: "may specify no more than one IP for each IP family"),
    Example(spec: spec(["clusterIPs": ["None", "10.96.0.8"]]), result: "'None' must be the first and only value"),
    // Changes.
    Example(spec: dual, old: dual, result: "IPv4,IPv6 PreferDualStack"),
    Example(
      spec: spec(["clusterIPs": ["10.96.0.5"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "PreferDualStack"]),
      old: spec(["clusterIPs": ["10.96.0.5"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"]),
      result: "IPv4,IPv6 PreferDualStack"),
    Example(
      spec: spec(["clusterIPs": ["10.96.0.5"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "PreferDualStack"]),
      old: spec(["clusterIPs": ["10.96.0.5"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "PreferDualStack"]),
      result: "IPv4 PreferDualStack"),
    Example(spec: changed(dual, ["ipFamilyPolicy": "SingleStack"]), old: dual, result: "IPv4 SingleStack"),
    Example(
      spec: changed(dual, ["clusterIPs": ["10.96.0.5"], "ipFamilies": ["IPv4"]]), old: dual,
      result: "must be set to 'SingleStack' when releasing the secondary clusterIP"),
    Example(
      spec: changed(dual, ["clusterIPs": ["10.96.0.5", "fd00::6"]]), old: dual,
      result: "spec.clusterIPs[1]: Invalid value: \"fd00::6\": may not change once set"),
    Example(
      spec: changed(dual, ["ipFamilies": ["IPv6", "IPv4"]]), old: dual,
      result: "spec.ipFamilies[0]: Invalid value: \"IPv6\": may not change once set"),
  ]

  @Test(arguments: examples) func families(_ example: Example) {
    do {
      let found = try ServiceFamilies(example.spec, old: example.old, configured: example.cluster)
      #expect("\(found.families.map(\.name).joined(separator: ",")) \(found.policy)" == example.result)
    } catch {
      let text = error.faults.map(\.description).joined(separator: "; ")
      #expect(text.contains(example.result), "\(text)")
    }
  }

  private static func cluster(_ ranges: [String], _ advertised: [String]) throws -> APIFixture {
    try APIFixture { configuration, _ in
      configuration.serviceRanges = ranges.map { Prefix($0)! }
      configuration.advertisedAddresses = advertised.map { IPAddress($0)! }
    }
  }

  @Test func theSecondaryAddressComesAndGoes() throws {
    let api = try Self.cluster(["10.96.0.0/24", "fd00:10:96::/112"], ["192.168.77.2", "fd00:77::2"])
    let path = APIFixture.services + "/s"
    let patch = "application/strategic-merge-patch+json"
    let made = try api.create(APIFixture.services, APIFixture.service("s"))
    #expect(made["spec", "clusterIPs"].elements.count == 1)
    let both = try api.send("PATCH", path, ["spec": ["ipFamilyPolicy": "PreferDualStack"]], type: patch).json
    let addresses = both["spec", "clusterIPs"].elements.compactMap { $0.string.flatMap { IPAddress($0) } }
    #expect(addresses.map(\.family) == [.v4, .v6])
    #expect(both["spec", "clusterIP"] == made["spec", "clusterIP"])
    // An old client replaces it and knows nothing of lists.
    var old = both
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] { old["spec"][field] = .null }
    let replaced = try api.send("PUT", path, old)
    #expect(replaced.status == 200 && replaced.json["spec"] == both["spec"], "\(replaced.json)")
    // The address taken away is free again, to be asked for by another.
    let single = try api.send("PATCH", path, ["spec": ["ipFamilyPolicy": "SingleStack"]], type: patch).json
    #expect(single["spec", "clusterIPs"] == made["spec", "clusterIPs"])
    #expect(single["spec", "ipFamilies"] == ["IPv4"])
    let second: JSON = .string("\(addresses[1])")
    let other = try api.create(APIFixture.services, APIFixture.service("o", ["clusterIP": second]))
    #expect(other["spec", "clusterIPs"] == [second])
    #expect(other["spec", "ipFamilies"] == ["IPv6"])
  }

  @Test(arguments: [
    (["10.96.0.0/16", "fd00:10:96::/112"], ["192.168.77.2", "fd00:77::2"], ["10.96.0.1", "fd00:10:96::1"]),
    (["fd00:10:96::/112", "10.96.0.0/16"], ["192.168.77.2", "fd00:77::2"], ["fd00:10:96::1", "10.96.0.1"]),
    (["10.96.0.0/16", "fd00:10:96::/112"], ["192.168.77.2"], ["10.96.0.1"]),
    (["fd00:10:96::/112"], ["fd00:77::2"], ["fd00:10:96::1"]),
  ]) func theServiceOfTheAPI(ranges: [String], advertised: [String], addresses: [String]) throws {
    let api = try Self.cluster(ranges, advertised)
    let service = try api.send("GET", APIFixture.services + "/kubernetes").json
    #expect(service["spec", "clusterIPs"].elements.compactMap(\.string) == addresses)
    #expect(service["spec", "ipFamilyPolicy"].string == (addresses.count == 2 ? "RequireDualStack" : "SingleStack"))
    let slices = try api.send("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices").json["items"]
    let found = slices.elements.compactMap { slice -> IPAddress? in
      let address = slice["endpoints"][0]["addresses"][0].string.flatMap { IPAddress($0) }
      #expect(slice["addressType"].string == address?.family.name)
      #expect(slice["metadata", "labels", "kubernetes.io/service-name"] == "kubernetes")
      return address
    }
    let families = addresses.map { IPAddress($0)!.family }
    #expect(
      Set(found)
        == Set(advertised.map { IPAddress($0)! }.filter { address in families.contains { $0 == address.family } }))
    let endpoints = try api.send("GET", "/api/v1/namespaces/default/endpoints/kubernetes").json
    let first = endpoints["subsets"][0]["addresses"][0]["ip"].string.flatMap { IPAddress($0) }
    #expect(first?.family == families[0])
    // What is there stays as it is at the next start.
    let version = service["metadata", "resourceVersion"]
    try Bootstrap(handler: api.server.handler, configuration: api.server.configuration).run()
    let again = try api.send("GET", APIFixture.services + "/kubernetes").json
    #expect(again["metadata", "resourceVersion"] == version)
  }

  @Test func aSecondFamilyReachesAnOldStore() throws {
    let database = "/tmp/swt-families-\(getpid()).db"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(database + suffix) } }
    var configuration = APIServerConfiguration(databasePath: database, serviceRanges: [Prefix("10.96.0.0/16")!])
    configuration.advertisedAddresses = [IPAddress("192.168.77.2")!]
    do { _ = try APIServer(configuration) }
    configuration.serviceRanges.append(Prefix("fd00:10:96::/112")!)
    configuration.advertisedAddresses.append(IPAddress("fd00:77::2")!)
    let server = try APIServer(configuration)
    let service = try JSON(
      parsing: server.transport.send(APIRequest("GET", APIFixture.services + "/kubernetes")).body)
    #expect(service["spec", "clusterIPs"] == ["10.96.0.1", "fd00:10:96::1"])
  }

  @Test func whatDoesNotGoTogetherIsSaid() {
    var configuration = APIServerConfiguration(databasePath: "", serviceRanges: [Prefix("10.96.0.0/16")!])
    #expect(configuration.fault == nil)
    configuration.advertisedAddresses = [IPAddress("fd00::2")!]
    #expect(configuration.fault?.contains("the first Service range is IPv4") == true)
    configuration.advertisedAddresses = [IPAddress("10.0.0.2")!, IPAddress("10.0.0.3")!]
    #expect(configuration.fault?.contains("two of one family") == true)
  }
}
