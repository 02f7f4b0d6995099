import Addressing
import ClusterDNS
import ClusterModel
import Linux
import Testing

@testable import NodeAgent

/// What a name server is told on the command line, and what it makes of it.
@Suite struct DNSOptionsTests {
  func parse(_ arguments: String...) throws -> DNSOptions { try parse(arguments) }
  func parse(_ arguments: [String]) throws -> DNSOptions {
    try DNSOptions(try CommandLineOptions(arguments, known: StandaloneDNS.options))
  }

  func configuration(_ arguments: String...) throws -> DNSServer.Configuration {
    var configuration = DNSServer.Configuration(listen: [])
    try parse(arguments).apply(to: &configuration)
    return configuration
  }

  @Test func whatIsUsual() throws {
    let options = try parse()
    #expect(options.completesSearches && options.corefile == nil)
    let configuration = try configuration()
    #expect(configuration.workers == 2 && configuration.ttl == 5 && configuration.podRecords == .insecure)
    #expect(configuration.logSampling == 0 && configuration.answersPerSecond == 0 && configuration.transferTo.isEmpty)
    #expect(configuration.tls == nil && configuration.detectsLoops)
  }

  @Test func everyOption() throws {
    #expect(try parse("--dns-no-search-answers").completion { _ in "work/web-0" } == nil)
    #expect(try parse("--corefile", "/etc/Corefile").corefile == "/etc/Corefile")
    let all = try configuration(
      "--dns-log", "100", "--dns-threads", "7", "--dns-pods", "verified", "--dns-ttl", "30", "--dns-rate-limit", "50",
      "--dns-transfer-to", "10.0.0.0/8", "--dns-transfer-to", "fd00::/8", "--dns-tls-certificate", "/c",
      "--dns-tls-key", "/k", "--dns-https-port", "8443")
    #expect(all.logSampling == 100 && all.workers == 7 && all.podRecords == .verified && all.ttl == 30)
    #expect(all.answersPerSecond == 50)
    #expect(all.transferTo == [Prefix("10.0.0.0/8")!, Prefix("fd00::/8")!])
    #expect(all.tls?.port == 853 && all.tls?.httpsPort == 8443)
    #expect(all.tls?.certificate == "/c" && all.tls?.key == "/k")
    #expect(try configuration("--dns-tls-certificate", "/c", "--dns-tls-key", "/k").tls?.httpsPort == nil)
    #expect(try configuration("--dns-pods", "disabled").podRecords == .disabled)
    #expect(try configuration("--dns-ttl", "0").ttl == 0)
  }

  /// Through a server: a name of another namespace at the first question of a search list, and with the switch a plain denial.
  @Test(arguments: [true, false]) func searchAnswersCanBeSwitchedOff(_ isOn: Bool) throws {
    var configuration = DNSServer.Configuration(listen: [AddressAndPort(IPAddress("127.0.0.1")!, 0)])
    let options = try isOn ? parse() : parse("--dns-no-search-answers")
    options.apply(to: &configuration)
    configuration.completion = options.completion { $0 == IPAddress("127.0.0.1")! ? "work/web-0" : nil }
    let server = try DNSServer(configuration)
    server.replaceAll([], namespaces: ["work", "shop"])
    var service = Service(id: NamespacedName("shop", "web"))
    service.clusterAddresses = [IPAddress("10.96.0.7")!]
    server.update(service: service.id, to: ServiceWithEndpoints(service: service, slices: []))
    try server.start()
    defer { server.stop() }
    let output = try ChildProcess.run([
      "dig", "@127.0.0.1", "-p", "\(server.addresses[0].port)", "web.shop.work.svc.cluster.local",
    ]).output
    #expect(output.contains(isOn ? "10.96.0.7" : "status: NXDOMAIN"), "\(output)")
    #expect(output.contains("status: NOERROR") == isOn)
  }

  @Test(
    arguments: [
      (["--dns-log", "x"], "--dns-log"), (["--dns-log", "-1"], "--dns-log"), (["--dns-threads", "0"], "1 to 256"),
      (["--dns-threads", "257"], "\"257\""), (["--dns-ttl", "3601"], "0 to 3600"),
      (["--dns-pods", "all"], "disabled, insecure or verified"), (["--dns-rate-limit", "-5"], "--dns-rate-limit"),
      (["--dns-transfer-to", "10.0.0.0/40"], "--dns-transfer-to"), (["--dns-tls-key", "/k"], "go together"),
      (["--dns-tls-certificate", "/c"], "go together"), (["--dns-https-port", "443"], "needs --dns-tls-certificate"),
      (["--dns-tls-certificate", "/c", "--dns-tls-key", "/k", "--dns-https-port", "0"], "1 to 65535"),
      (["--dns-search"], "--dns-search"),
    ] as [([String], String)])
  func mistakesAreNamed(_ arguments: [String], _ part: String) {
    do {
      _ = try parse(arguments)
      Issue.record("accepted")
    } catch {
      #expect("\(error)".contains(part), "\(error)")
    }
  }
}
