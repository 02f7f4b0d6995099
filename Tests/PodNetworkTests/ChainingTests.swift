import Addressing
import JSON
import Testing

@testable import PodNetwork

@Suite struct ChainingTests {
  let own = CNIResult(
    interfaces: [.init(name: "vethx", mac: nil, mtu: 1450), .init(name: "eth0", mac: nil, mtu: 1450, sandbox: "/ns")],
    addresses: [.init(IPAddress("10.244.1.2")!, prefixLength: 32, gateway: nil, interface: 1)],
    routes: [.init(Prefix("0.0.0.0/0")!, gateway: IPAddress("10.244.1.1")!)], dns: ["nameservers": ["10.96.0.10"]])

  @Test func theFirstPluginTellsItsOwn() {
    #expect(own.json(version: .v1_1_0, after: .null) == own.json(version: .v1_1_0))
  }

  @Test func whatOthersMadeStaysAndOursComesAfter() {
    let earlier: JSON = [
      "cniVersion": "1.1.0",
      "interfaces": [
        ["name": "br-x", "mac": "0a:00:00:00:00:01"],
        ["name": "net1", "sandbox": "/ns", "mtu": 9000, "socketPath": "/s", "pciID": "0:1"],
      ],
      "ips": [["address": "fd00:9::2/64", "interface": 1], ["address": "192.0.2.2/24"]],
      "routes": [["dst": "192.0.2.0/24", "table": 7, "mtu": 1400]], "dns": ["domain": "example"],
      "example.org/more": 7,
    ]
    let result = own.json(version: .v1_1_0, after: earlier)
    #expect(result["interfaces"].elements.map { $0["name"].string } == ["br-x", "net1", "vethx", "eth0"])
    #expect(result["interfaces"][1] == earlier["interfaces"][1])
    #expect(result["ips"].elements.map { $0["interface"].int } == [1, nil, 3])
    #expect(result["routes"].elements.map { $0["dst"].string } == ["192.0.2.0/24", "0.0.0.0/0"])
    #expect(result["routes"][0]["table"] == 7)
    #expect(result["dns"] == ["domain": "example"] && result["example.org/more"] == 7)
    // In the shape of older versions.
    let old = own.json(version: .v0_4_0, after: earlier)
    #expect(old["cniVersion"] == "0.4.0")
    #expect(old["ips"].elements.map { $0["version"].string } == ["6", "4", "4"])
    #expect(old["interfaces"][1] == ["name": "net1", "sandbox": "/ns"])
    #expect(old["routes"][0] == ["dst": "192.0.2.0/24"])
    let newer = own.json(version: .v1_0_0, after: old)
    #expect(newer["ips"].elements.allSatisfy { $0["version"].isNull })
    // A plugin that made nothing.
    let none = own.json(version: .v1_0_0, after: ["cniVersion": "1.0.0", "dns": [:]])
    #expect(none == own.json(version: .v1_0_0))
  }
}
