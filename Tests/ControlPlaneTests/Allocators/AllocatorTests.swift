import Addressing
import ControlPlane
import JSON
import Testing

@Suite("Service addresses and ports")
struct AllocatorTests {
  @Test func addressesAreUniqueAndComeBack() throws {
    let api = try APIFixture(serviceRange: "10.96.0.0/27")
    // 32 addresses without the first, the last and the API's own.
    var seen: Set<String> = ["10.96.0.1"]
    for index in 0..<29 {
      let service = try api.create(APIFixture.services, APIFixture.service("s\(index)"))
      #expect(seen.insert(try #require(service["spec", "clusterIP"].string)).inserted)
      #expect(service["spec", "clusterIPs"].elements == [service["spec", "clusterIP"]])
      #expect(service["spec", "ipFamilies"] == ["IPv4"])
    }
    let full = try api.send("POST", APIFixture.services, APIFixture.service("more"))
    #expect(full.status == 500)
    #expect(full.json["message"].string?.contains("range is full") == true)
    let freed = try api.send("DELETE", APIFixture.services + "/s7").json["spec", "clusterIP"]
    #expect(try api.create(APIFixture.services, APIFixture.service("more"))["spec", "clusterIP"] == freed)
  }

  @Test func theLowerBandIsForThoseWhoAsk() throws {
    let api = try APIFixture(serviceRange: "10.96.0.0/16")
    for index in 0..<20 {
      let address = try api.create(APIFixture.services, APIFixture.service("s\(index)"))["spec", "clusterIP"].string
      #expect(try IPAddress(parsing: try #require(address)).number & 0xFFFF > 256)
    }
    let dns = try api.create(APIFixture.services, APIFixture.service("dns", ["clusterIP": "10.96.0.10"]))
    #expect(dns["spec", "clusterIP"] == "10.96.0.10")
    let taken = try api.send("POST", APIFixture.services, APIFixture.service("x", ["clusterIP": "10.96.0.10"]))
    #expect(taken.status == 422)
    #expect(
      taken.json["message"]
        == "Service \"x\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.0.10\"]: failed to allocate IP 10.96.0.10: provided IP is already allocated"
    )
    let outside = try api.send("POST", APIFixture.services, APIFixture.service("x", ["clusterIP": "10.97.0.1"]))
    #expect(outside.status == 422)
    #expect(
      outside.json["message"].string?
        .hasSuffix("failed to allocate IP 10.97.0.1: the provided network does not match the current range") == true)
    let network = try api.send("POST", APIFixture.services, APIFixture.service("x", ["clusterIP": "10.96.0.0"]))
    #expect(network.status == 422)
    #expect(
      network.json["message"].string?
        .hasSuffix("is not in the valid range. The range of valid IPs is 10.96.0.0/16") == true)
  }

  @Test func headlessAndExternalNamesTakeNone() throws {
    let api = try APIFixture()
    let headless = try api.create(APIFixture.services, APIFixture.service("h", ["clusterIP": "None"]))
    #expect(headless["spec", "clusterIPs"] == ["None"])
    let external = try api.create(
      APIFixture.services,
      ["metadata": ["name": "e"], "spec": ["type": "ExternalName", "externalName": "example.com"]])
    #expect(external["spec", "clusterIP"].isNull)
  }

  @Test func nodePortsAreGivenKeptAndFreed() throws {
    let api = try APIFixture { configuration, _ in configuration.nodePorts = 30000...30009 }
    let both: JSON = [
      "type": "NodePort",
      "ports": [
        ["name": "t", "port": 53, "nodePort": 30005], ["name": "u", "port": 53, "protocol": "UDP", "nodePort": 30005],
      ],
    ]
    let first = try api.create(APIFixture.services, APIFixture.service("a", both))
    #expect(first["spec", "ports"][1]["nodePort"] == 30005)
    let taken = try api.send("POST", APIFixture.services, APIFixture.service("b", both))
    #expect(taken.json["message"].string?.contains("provided port is already allocated") == true)
    let other: JSON = ["type": "NodePort", "ports": [["port": 80, "nodePort": 99]]]
    #expect(
      try api.send("POST", APIFixture.services, APIFixture.service("b", other)).json["message"].string?
        .contains("The range of valid ports is 30000-30009") == true)
    for index in 0..<9 { try api.create(APIFixture.services, APIFixture.service("n\(index)", ["type": "NodePort"])) }
    #expect(try api.send("POST", APIFixture.services, APIFixture.service("z", ["type": "NodePort"])).status == 500)
    // An apply that does not name the port keeps it; another type gives it back.
    let port = try api.send("GET", APIFixture.services + "/n0").json["spec", "ports"][0]["nodePort"]
    let again = try api.send("PUT", APIFixture.services + "/n0", APIFixture.service("n0", ["type": "NodePort"])).json
    #expect(again["spec", "ports"][0]["nodePort"] == port)
    try api.send(
      "PATCH", APIFixture.services + "/n0", ["spec": ["type": "ClusterIP"]],
      type: "application/strategic-merge-patch+json")
    let last = try api.create(APIFixture.services, APIFixture.service("z", ["type": "NodePort"]))
    #expect(last["spec", "ports"][0]["nodePort"] == port)
  }

  @Test func portsOfOneNumberShareANodePort() throws {
    let api = try APIFixture()
    let both: JSON = [
      "type": "NodePort", "ports": [["name": "t", "port": 53], ["name": "u", "port": 53, "protocol": "UDP"]],
    ]
    let made = try api.create(APIFixture.services, APIFixture.service("dns", both))["spec", "ports"]
    #expect(made[0]["nodePort"] == made[1]["nodePort"])
    // The upper band: the lower is 30000 to 30085.
    #expect(try #require(made[0]["nodePort"].int) > 30085)
    let twice: JSON = [
      "type": "NodePort",
      "ports": [["name": "a", "port": 1, "nodePort": 30001], ["name": "b", "port": 2, "nodePort": 30001]],
    ]
    #expect(try api.send("POST", APIFixture.services, APIFixture.service("x", twice)).status == 422)
  }

  @Test func healthChecksShareThePool() throws {
    let api = try APIFixture { configuration, _ in configuration.nodePorts = 30000...30003 }
    let local: JSON = ["type": "LoadBalancer", "externalTrafficPolicy": "Local"]
    let first = try api.create(APIFixture.services, APIFixture.service("a", local))["spec"]
    let port = try #require(first["ports"][0]["nodePort"].int)
    let check = try #require(first["healthCheckNodePort"].int)
    #expect(port != check && (30000...30003).contains(check))
    // Who asks for one that a Service has, or a health check has, is refused.
    let asked: JSON = ["type": "NodePort", "ports": [["port": 80, "nodePort": .int(Int64(check))]]]
    #expect(try api.send("POST", APIFixture.services, APIFixture.service("b", asked)).status == 422)
    var wanted = local
    wanted["healthCheckNodePort"] = .int(Int64(port))
    let refused = try api.send("POST", APIFixture.services, APIFixture.service("b", wanted))
    #expect(refused.status == 500)
    #expect(
      refused.json["message"].string
        == "Internal error occurred: failed to allocate requested HealthCheck NodePort \(port): provided port is already allocated"
    )
    // What is given up comes back; what stays is kept by an update that does not name it.
    let again = try api.send("PUT", APIFixture.services + "/a", APIFixture.service("a", local)).json["spec"]
    #expect(again["healthCheckNodePort"] == first["healthCheckNodePort"])
    #expect(again["ports"] == first["ports"])
    try api.send(
      "PATCH", APIFixture.services + "/a", ["spec": ["externalTrafficPolicy": "Cluster"]],
      type: "application/strategic-merge-patch+json")
    let taken = try api.create(APIFixture.services, APIFixture.service("b", asked))
    #expect(taken["spec", "ports"][0]["nodePort"].int == check)
    let off: JSON = ["type": "LoadBalancer", "allocateLoadBalancerNodePorts": false]
    #expect(try api.create(APIFixture.services, APIFixture.service("c", off))["spec", "ports"][0]["nodePort"].isNull)
  }
}
