import Addressing
import JSON
import NodeRouting
import Testing

@Suite struct FlannelConfigurationTests {
  private func read(_ text: String) throws -> FlannelConfiguration {
    try FlannelConfiguration(try JSON(parsing: Array(text.utf8)))
  }

  @Test func theUsualOne() throws {
    let read = try read(
      #"{"Network": "10.244.0.0/16", "EnableNFTables": false, "Backend": {"Type": "vxlan"}}"#)
    #expect(read.mode == .vxlan)
    #expect(read.networks == [Prefix("10.244.0.0/16")!])
    #expect(read.vxlanID == 1 && read.vxlanPort == 8472 && read.underlayMTU == nil)
  }

  @Test(arguments: [
    (#"{"Type":"vxlan","DirectRouting":true}"#, RoutingMode.crossSubnet), (#"{"Type":"host-gw"}"#, .hostGateway),
    (#"{"Type":"ipip"}"#, .ipip), (#"{"Type":"ipip","DirectRouting":true}"#, .ipipCrossSubnet),
    (#"{"Type":"wireguard"}"#, .wireguard),
  ])
  func modes(backend: String, mode: RoutingMode) throws {
    #expect(try read(#"{"Network":"10.244.0.0/16","Backend":\#(backend)}"#).mode == mode)
  }

  @Test func allFieldsOfADualStackCluster() throws {
    let read = try read(
      #"{"Network":"10.244.0.0/16","IPv6Network":"fd00:10:244::/56","EnableIPv6":true,"SubnetLen":25,"#
        + #""Backend":{"Type":"vxlan","VNI":4096,"Port":4789,"MTU":1400,"Learning":true,"GBP":true}}"#)
    #expect(read.networks == [Prefix("10.244.0.0/16")!, Prefix("fd00:10:244::/56")!])
    #expect(read.vxlanID == 4096 && read.vxlanPort == 4789 && read.underlayMTU == 1400)
    for field in ["SubnetLen", "Backend.Learning", "Backend.GBP"] {
      #expect(read.notices.contains { $0.hasPrefix(field) }, "\(field)")
    }
  }

  @Test func onlyIPv6() throws {
    let read = try read(
      #"{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00::/56","Backend":{"Type":"host-gw"}}"#)
    #expect(read.networks == [Prefix("fd00::/56")!])
  }

  @Test(arguments: [
    (#"[]"#, "JSON object"), (#"{"Network":"10.0.0.0/8"}"#, "Backend.Type: found none"),
    (#"{"Network":"10.0.0.0/8","Backend":{"Type":"udp"}}"#, "Backend.Type: found udp"),
    (#"{"Backend":{"Type":"vxlan"}}"#, "Network: missing"),
    (#"{"Network":"10.0.0.1/8","Backend":{"Type":"vxlan"}}"#, "Network: "),
    (#"{"Network":"fd00::/56","Backend":{"Type":"vxlan"}}"#, "expected an IPv4 prefix"),
    (#"{"Network":"10.0.0.0/8","EnableIPv6":true,"Backend":{"Type":"vxlan"}}"#, "IPv6Network: missing"),
    (#"{"Network":"10.0.0.0/8","Backend":{"Type":"vxlan","VNI":16777216}}"#, "Backend.VNI: found 16777216"),
    (#"{"Network":"10.0.0.0/8","Backend":{"Type":"vxlan","Port":"x"}}"#, "Backend.Port"),
    (#"{"Network":"10.0.0.0/8","Backend":{"Type":"vxlan","MTU":100}}"#, "Backend.MTU: found 100"),
  ])
  func whatIsWrongIsNamed(text: String, reason: String) throws {
    let error = #expect(throws: FlannelConfiguration.Failure.self) { try read(text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  @Test func theEnvironmentFile() {
    let environment = FlannelEnvironment(
      networks: [Prefix("10.244.0.0/16")!, Prefix("fd00:10:244::/56")!],
      subnets: [Prefix("10.244.3.0/24")!, Prefix("fd00:10:244:3::/64")!], mtu: 1430)
    #expect(
      environment.text == """
        FLANNEL_NETWORK=10.244.0.0/16
        FLANNEL_SUBNET=10.244.3.1/24
        FLANNEL_IPV6_NETWORK=fd00:10:244::/56
        FLANNEL_IPV6_SUBNET=fd00:10:244:3::1/64
        FLANNEL_MTU=1430
        FLANNEL_IPMASQ=true

        """)
  }
}
