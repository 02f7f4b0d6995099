import Testing

@testable import StandIn

@Suite struct OptionsTests {
  @Test func standInOptionsSurviveTheCommandLine() throws {
    var options = StandInOptions()
    options.identity.namespace = "shop"
    options.identity.pod = "web-1"
    options.identity.container = "c"
    options.identity.node = "node1"
    options.ports = [ListenPort(8080, .tcp), ListenPort(53, .udp)]
    options.readyDescriptor = 3
    #expect(try StandInOptions(parsing: options.arguments) == options)
  }

  @Test func sandboxOptionsSurviveTheCommandLine() throws {
    var options = SandboxOptions()
    options.hostname = "web-1"
    options.resolverConfiguration = "/a"
    options.hosts = "/b"
    options.hostnameFile = "/c"
    options.usesHostNetwork = true
    options.controlGroup = "/d"
    options.identityFile = "/e"
    #expect(try SandboxOptions(parsing: options.arguments) == options)
  }

  @Test(arguments: [EnterOptions.Target.process(17), .networkNamespace("/run/netns/x")])
  func enterOptionsSurviveTheCommandLine(target: EnterOptions.Target) throws {
    var options = EnterOptions(target, command: ["sh", "-c", "--pid", "--"])
    options.controlGroup = "/d"
    options.workingDirectory = "/tmp"
    options.identityFile = "/e"
    #expect(try EnterOptions(parsing: options.arguments) == options)
  }

  @Test(arguments: [
    ["--port", "0"], ["--port", "65536"], ["--port", "80/ICMP"], ["--port"], ["--pod", "x"], ["--bogus"], ["x"],
    ["--ready-fd", "-1"],
  ])
  func nonsenseIsRefused(arguments: [String]) {
    #expect(throws: ArgumentError.self) { try StandInOptions(parsing: arguments) }
  }

  @Test(arguments: [[], ["--hostname", ""], ["--hostname", String(repeating: "x", count: 65)]])
  func sandboxNeedsAHostname(arguments: [String]) {
    #expect(throws: ArgumentError.self) { try SandboxOptions(parsing: arguments) }
  }

  @Test(arguments: [["--pid", "1"], ["--", "x"], ["--pid", "0", "--", "x"], ["--pid", "1", "--"]])
  func enterNeedsATargetAndACommand(arguments: [String]) {
    #expect(throws: ArgumentError.self) { try EnterOptions(parsing: arguments) }
  }

  @Test(arguments: [("80", "80/TCP"), ("53/udp", "53/UDP"), ("53/UDP", "53/UDP")])
  func portsAreRead(text: String, expected: String) throws {
    #expect(try ListenPort(parsing: text).description == expected)
  }
}
