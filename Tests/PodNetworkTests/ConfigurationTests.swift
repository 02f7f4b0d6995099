import Addressing
import JSON
import Testing

@testable import PodNetwork

@Suite struct NetworkConfigurationTests {
  static let valid = PodNetworkConfiguration(
    podRanges: [Prefix("10.244.1.0/24")!, Prefix("fd00:1::/64")!], serviceRanges: [Prefix("10.96.0.0/16")!], mtu: 1450)

  @Test func whatTheAgentWritesIsWhatThePluginReads() throws {
    let configuration = try NetworkConfiguration(Self.valid.request())
    #expect(configuration.version == .v1_1_0)
    #expect(configuration.name == "swiftlet" && configuration.bridge == "cni0" && configuration.mtu == 1450)
    #expect(configuration.serviceRanges == Self.valid.serviceRanges)
    #expect(configuration.dataDirectory == "/var/lib/cni/networks")
    let gateways = configuration.rangeSets.flatMap(\.gateways)
    #expect(gateways.map { "\($0.address)/\($0.prefixLength)" } == ["10.244.1.1/24", "fd00:1::1/64"])
    #expect(configuration.rangeSets[0].ranges[0].end == IPAddress("10.244.1.254")!)
  }

  /// What is changed in the valid configuration, the code and a part of the message.
  static let refused: [(path: [String], value: JSON, code: CNIError.Code, part: String)] = [
    (["cniVersion"], "0.2.0", .incompatibleVersion, "0.2.0"),
    (["cniVersion"], .null, .incompatibleVersion, "0.1.0"),
    (["cniVersion"], "1.1", .incompatibleVersion, "1.1"),
    (["name"], "", .invalidConfiguration, "name"),
    (["name"], "../etc", .invalidConfiguration, "name"),
    (["bridge"], "a-name-too-long-for-it", .invalidConfiguration, "bridge"),
    (["bridge"], 7, .invalidConfiguration, "bridge"),
    (["mtu"], "1450", .invalidConfiguration, "mtu"),
    (["mtu"], 20, .invalidConfiguration, "mtu"),
    (["mtu"], 1000, .invalidConfiguration, "1280"),
    (["ipam", "type"], "dhcp", .invalidConfiguration, "ipam.type"),
    (["ipam", "ranges"], [], .invalidConfiguration, "ipam.ranges"),
    (["ipam", "ranges"], [[]], .invalidConfiguration, "ipam.ranges[0]"),
    (["ipam", "ranges"], [[["subnet": "10.244.1.7/24"]]], .invalidConfiguration, "did you mean 10.244.1.0/24"),
    (["ipam", "ranges"], [[["subnet": "10.244.1.0/31"]]], .invalidConfiguration, "too small"),
    (["ipam", "ranges"], [[["subnet": "10.244.1.0/24", "gateway": "10.9.9.9"]]], .invalidConfiguration, "gateway"),
    (
      ["ipam", "ranges"], [[["subnet": "10.244.1.0/24", "rangeStart": "10.244.1.9", "rangeEnd": "10.244.1.8"]]],
      .invalidConfiguration, "after rangeEnd"
    ),
    (
      ["ipam", "ranges"], [[["subnet": "10.244.1.0/24"], ["subnet": "fd00::/64"]]], .invalidConfiguration, "mixes"
    ),
    (
      ["ipam", "ranges"], [[["subnet": "10.244.1.0/24"]], [["subnet": "10.244.0.0/16"]]], .invalidConfiguration,
      "ipam.ranges[0][0].subnet 10.244.1.0/24 and ipam.ranges[1][0].subnet 10.244.0.0/16 overlap"
    ),
    (
      ["ipam", "ranges"], [[["subnet": "10.244.1.0/24"], ["subnet": "10.244.1.0/25"]]], .invalidConfiguration, "overlap"
    ),
    (["serviceRanges"], ["10.244.0.0/16"], .invalidConfiguration, "serviceRanges[0] 10.244.0.0/16 overlap"),
    (["serviceRanges"], ["ten"], .invalidConfiguration, "serviceRanges[0]"),
  ]

  @Test(arguments: refused.indices)
  func refuses(index: Int) throws {
    let test = Self.refused[index]
    var json = Self.valid.request()
    if test.path.count == 1 { json[test.path[0]] = test.value } else { json[test.path[0], test.path[1]] = test.value }
    let error = #expect(throws: CNIError.self) { _ = try NetworkConfiguration(json) }
    #expect(error?.code == test.code)
    #expect(error?.message.contains(test.part) == true, "\(error?.message ?? "")")
  }

  @Test func aConfigurationThatBecameWrongDoesNotKeepPodsFromGoing() throws {
    var json = Self.valid.request()
    json["ipam", "ranges"] = "nonsense"
    #expect(try NetworkConfiguration(json, forRemoval: true).name == "swiftlet")
  }
}

@Suite struct CNIRequestTests {
  @Test(arguments: [
    (["CNI_COMMAND": "ADD"], "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME"),
    (["CNI_COMMAND": "ADD", "CNI_CONTAINERID": "a", "CNI_IFNAME": "eth0"], "CNI_NETNS"),
    (["CNI_COMMAND": "DEL"], "CNI_CONTAINERID, CNI_IFNAME"),
    (["CNI_COMMAND": "CHECK", "CNI_NETNS": "/x"], "CNI_CONTAINERID, CNI_IFNAME"),
    (["CNI_COMMAND": "add"], "CNI_COMMAND is \"add\""),
    (["CNI_COMMAND": "DEL", "CNI_CONTAINERID": "-a", "CNI_IFNAME": "eth0"], "CNI_CONTAINERID"),
    (["CNI_COMMAND": "DEL", "CNI_CONTAINERID": "a/b", "CNI_IFNAME": "eth0"], "CNI_CONTAINERID"),
    (["CNI_COMMAND": "DEL", "CNI_CONTAINERID": "a", "CNI_IFNAME": ".."], "CNI_IFNAME"),
    (["CNI_COMMAND": "DEL", "CNI_CONTAINERID": "a", "CNI_IFNAME": "a b"], "CNI_IFNAME"),
    (["CNI_COMMAND": "DEL", "CNI_CONTAINERID": "a", "CNI_IFNAME": "sixteen-letters-"], "CNI_IFNAME"),
  ])
  func refuses(environment: [String: String], part: String) {
    let error = #expect(throws: CNIError.self) { _ = try CNIRequest(environment: environment) }
    #expect(error?.code == .invalidEnvironment)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    ["CNI_COMMAND": "DEL", "CNI_CONTAINERID": "a", "CNI_IFNAME": "eth0"],
    ["CNI_COMMAND": "DEL", "CNI_CONTAINERID": "a_b.c-d", "CNI_IFNAME": "fifteen-letters"],
    ["CNI_COMMAND": "VERSION"], ["CNI_COMMAND": "GC"], ["CNI_COMMAND": "STATUS"],
  ])
  func accepts(environment: [String: String]) throws { _ = try CNIRequest(environment: environment) }

  private func answer(_ environment: [String: String], _ input: String = "") throws -> (CNIPlugin.Answer, JSON) {
    let answer = CNIPlugin().answer(environment: environment) { Array(input.utf8) }
    return (answer, answer.output.isEmpty ? .null : try JSON(parsing: answer.output))
  }

  @Test func versionListsWhatWeSpeak() throws {
    let (answer, json) = try answer(["CNI_COMMAND": "VERSION"])
    #expect(answer.status == 0)
    #expect(json["supportedVersions"] == ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
    #expect(json["cniVersion"] == "1.1.0")
  }

  @Test func errorsAreJSONOnStandardOutput() throws {
    let (first, json) = try answer(["CNI_COMMAND": "ADD"])
    #expect(first.status == 1 && json["code"] == 4 && json["cniVersion"] == "1.1.0")
    let environment = ["CNI_COMMAND": "CHECK", "CNI_CONTAINERID": "a", "CNI_NETNS": "/x", "CNI_IFNAME": "eth0"]
    #expect(try answer(environment, "{").1["code"] == 6)
    #expect(try answer(environment, "[]").1["code"] == 1)
    let old = try answer(environment, #"{"cniVersion":"0.3.1","name":"x"}"#).1
    #expect(old["code"] == 1 && old["cniVersion"] == "0.3.1")
    let (about, nothing) = try answer([:])
    #expect(about.status == 0 && nothing == .null && about.errorOutput.contains("swiftlet-cni"))
  }
}

@Suite struct CNIResultTests {
  let result = CNIResult(
    interfaces: [
      .init(name: "cni0", mac: MACAddress("0a:58:0a:f4:01:01")!, mtu: 1450),
      .init(name: "eth0", mac: nil, mtu: 1450, sandbox: "/ns"),
    ],
    addresses: [.init(IPAddress("10.244.1.2")!, prefixLength: 32, gateway: IPAddress("10.244.1.1")!, interface: 1)],
    routes: [.init(Prefix("0.0.0.0/0")!, gateway: IPAddress("10.244.1.1")!)])

  @Test func shapeOfEachVersion() {
    let newest = result.json(version: .v1_1_0)
    #expect(newest["interfaces"][0] == ["name": "cni0", "mac": "0a:58:0a:f4:01:01", "mtu": 1450])
    #expect(newest["interfaces"][1]["sandbox"] == "/ns")
    #expect(newest["ips"] == [["interface": 1, "address": "10.244.1.2/32", "gateway": "10.244.1.1"]])
    #expect(newest["routes"] == [["dst": "0.0.0.0/0", "gw": "10.244.1.1"]])
    #expect(result.json(version: .v1_0_0)["interfaces"][0]["mtu"] == .null)
    #expect(result.json(version: .v1_0_0)["ips"][0]["version"] == .null)
    #expect(result.json(version: .v0_4_0)["ips"][0]["version"] == "4")
    #expect(result.json(version: .v0_3_1)["cniVersion"] == "0.3.1")
  }

  @Test func comesBack() throws {
    #expect(
      try CNIResult(result.json(version: .v1_1_0))
        == CNIResult(interfaces: result.interfaces, addresses: result.addresses, routes: result.routes, dns: [:]))
  }
}

@Suite struct PodLinkTests {
  @Test func namesFitAndDiffer() {
    let names = Set((0..<2000).map { PodLink.hostName(.init(containerID: "container\($0)", interfaceName: "eth0")) })
    #expect(names.count == 2000)
    #expect(names.allSatisfy { $0.utf8.count == 15 })
    let attachment = NetworkConfiguration.Attachment(containerID: "a", interfaceName: "eth0")
    #expect(PodLink.hostName(attachment) != PodLink.hostName(attachment, attempt: 1))
    #expect(PodLink.attachment(alias: PodLink.alias(attachment)) == attachment)
    #expect(PodLink.attachment(alias: "something else") == nil)
  }

  @Test func addressesAreUnicastAndLocal() {
    let mac = PodLink.mac(for: IPAddress("10.244.1.7")!)
    #expect("\(mac)" == "0a:58:0a:f4:01:07")
    let others = [
      PodLink.mac(for: IPAddress("fd00::1")!), PodLink.hostMAC(.init(containerID: "a", interfaceName: "b")),
    ]
    for mac in [mac] + others { #expect(mac.isLocal && !mac.isMulticast) }
  }
}
