import Addressing
import Glibc
import Linux
import NodeAgent
import NodeRouting
import Testing

@Suite struct AgentConfigurationTests {
  private func read(_ arguments: [String]) throws -> AgentConfiguration {
    let always = ["--kubeconfig", "k", "--node-name", "n", "--service-range", "10.96.0.0/16"]
    return try AgentConfiguration(CommandLineOptions(always + arguments, known: AgentConfiguration.options))
  }

  private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
    let path = "/tmp/swt-net-conf-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).json"
    try Files.write(path, text)
    defer { try? Files.remove(path) }
    try body(path)
  }

  @Test func theModeIsChosen() throws {
    #expect(try read(["--pod-range", "10.244.0.0/16"]).routing == .vxlan)
    for mode in RoutingMode.allCases {
      #expect(try read(["--pod-range", "10.244.0.0/16", "--routing", mode.rawValue]).routing == mode)
    }
    let error = #expect(throws: UsageError.self) { try read(["--pod-range", "10.244.0.0/16", "--routing", "gre"]) }
    #expect(error?.description.contains("there is no mode gre; known are vxlan") == true)
  }

  @Test func flannelsConfigurationIsTakenOver() throws {
    let text = #"""
      {"Network":"10.244.0.0/16","SubnetLen":24,
       "Backend":{"Type":"vxlan","VNI":7,"Port":4789,"MTU":1400,"DirectRouting":true}}
      """#
    try withFile(text) { path in
      let settings = try read(["--net-conf", path])
      #expect(settings.routing == .crossSubnet)
      #expect(settings.podRanges == [Prefix("10.244.0.0/16")!])
      #expect(settings.kernelRouting.vxlanID == 7 && settings.kernelRouting.vxlanPort == 4789)
      #expect(settings.kernelRouting.underlayMTU == 1400)
      #expect(settings.subnetEnvironmentFile == "/run/flannel/subnet.env")
      #expect(settings.routingNotices.contains { $0.contains("SubnetLen") })
      // Another mode of the same type is a choice, one of another type would cut flannel's nodes off.
      #expect(try read(["--net-conf", path, "--routing", "vxlan"]).routing == .vxlan)
      #expect(throws: UsageError.self) { try read(["--net-conf", path, "--routing", "host-gw"]) }
      #expect(throws: UsageError.self) { try read(["--net-conf", path, "--pod-range", "10.245.0.0/16"]) }
    }
    try withFile("{") { path in _ = #expect(throws: UsageError.self) { try read(["--net-conf", path]) } }
    #expect(throws: UsageError.self) { try read(["--net-conf", "/nonexistent"]) }
  }

  @Test func theEnvironmentFileIsWrittenOnlyWhereItIsAskedFor() throws {
    #expect(try read(["--pod-range", "10.244.0.0/16"]).subnetEnvironmentFile == nil)
    #expect(try read(["--pod-range", "10.244.0.0/16", "--subnet-env", "/x"]).subnetEnvironmentFile == "/x")
  }
}
