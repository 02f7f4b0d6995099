import JSON
import StandIn
import Testing

@testable import Lab

@Suite struct ContainerRuleTests {
  private func kind(_ container: JSON, _ annotations: [String: String] = [:]) -> ContainerKind {
    ContainerKind(ContainerManifest(container), podAnnotations: annotations) { $0 == "sh" || $0 == "/bin/sleep" }
  }

  @Test(arguments: [
    ("swiftlet.dev/host", true), ("swiftlet.dev/host:1.0", true), ("swiftlet.dev/host@sha256:ab", true),
    ("host/iperf3", true), ("host/iperf3:3", true), ("host", false), ("swiftlet.dev/hosts", false),
    ("registry:5000/host/x", false), ("swiftlet.dev:443/host", false), ("nginx", false), ("", false),
  ])
  func hostImages(image: String, isHost: Bool) { #expect(ContainerKind.isHostImage(image) == isHost) }

  @Test func annotationNeedsAProgramOfThisHost() {
    let run = ["swiftlet.dev/run": "host"]
    #expect(kind(["image": "a", "command": ["sh"], "args": ["-c"]], run) == .hostCommand(["sh", "-c"]))
    #expect(kind(["image": "a", "command": ["/bin/sleep", "1"]], run) == .hostCommand(["/bin/sleep", "1"]))
    #expect(kind(["image": "a", "command": ["java"]], run) == .standIn([]))
    #expect(kind(["image": "a", "args": ["sh"]], run) == .standIn([]))
    #expect(kind(["image": "a", "command": ["sh"]]) == .standIn([]))
    #expect(kind(["image": "a", "command": ["sh"]], ["swiftlet.dev/run": "no"]) == .standIn([]))
    #expect(kind(["image": "host/x", "args": ["java"]]) == .hostCommand(["java"]))
  }

  @Test func standInListensOnDeclaredAndProbedPorts() {
    let container: JSON = [
      "image": "a",
      "ports": [
        ["containerPort": 53, "protocol": "UDP", "name": "dns"], ["containerPort": 53], ["containerPort": 80],
        ["containerPort": 9, "protocol": "SCTP"],
      ],
      "readinessProbe": ["httpGet": ["port": 8181]], "livenessProbe": ["tcpSocket": ["port": 80]],
      "startupProbe": ["grpc": ["port": 9000]],
    ]
    #expect(
      kind(container)
        == .standIn([
          ListenPort(53, .udp), ListenPort(53, .tcp), ListenPort(80, .tcp), ListenPort(9000, .tcp),
          ListenPort(8181, .tcp),
        ]))
  }

  @Test(arguments: [
    (
      #"{"httpGet": {"port": "web", "path": "ok"}}"#,
      ProbeManifest.Check.http(host: nil, port: 80, path: "/ok", headers: [])
    ),
    (#"{"httpGet": {"port": 81, "scheme": "HTTPS"}}"#, .https(host: nil, port: 81)),
    (#"{"tcpSocket": {"port": "81", "host": "192.0.2.1"}}"#, .tcp(host: "192.0.2.1", port: 81)),
    (#"{"grpc": {"port": 9000, "service": "x"}}"#, .grpc(port: 9000)),
    (#"{"exec": {"command": ["a", "b"]}}"#, .exec(["a", "b"])),
  ])
  func probes(text: String, check: ProbeManifest.Check) {
    let container = ContainerManifest(["name": "c", "ports": [["containerPort": 80, "name": "web"]]])
    let probe = ProbeManifest(json(text), .readiness, container)
    #expect(probe.check == check)
    #expect(probe.initialDelay == 0 && probe.period == 10 && probe.timeout == 1)
    #expect(probe.successThreshold == 1 && probe.failureThreshold == 3)
  }

  @Test func unusableProbesSayWhy() {
    let container = ContainerManifest(["name": "c"])
    for json in [["tcpSocket": ["port": "web"]], [:]] as [JSON] {
      guard case .unusable = ProbeManifest(json, .liveness, container).check else {
        Issue.record("\(json) is usable")
        continue
      }
    }
  }

  @Test func probesOfStandInsAreReplaced() {
    let container = ContainerManifest(["name": "c"])
    func effective(_ json: JSON, _ kind: ContainerKind) -> (check: ProbeManifest.Check?, note: String?) {
      ProbeManifest(json, .readiness, container).effective(kind)
    }
    let standIn = ContainerKind.standIn([ListenPort(53, .udp), ListenPort(80, .tcp)])
    let exec: JSON = ["exec": ["command": ["x"]]]
    #expect(effective(exec, standIn).check == .tcp(host: nil, port: 80))
    #expect(effective(exec, standIn).note != nil)
    #expect(effective(exec, .standIn([])).check == nil)
    #expect(effective(exec, .hostCommand(["x"])).check == .exec(["x"]))
    #expect(effective(exec, .hostCommand(["x"])).note == nil)
    #expect(effective(["grpc": ["port": 9]], standIn).check == .tcp(host: nil, port: 9))
    #expect(effective(["httpGet": ["port": 9]], standIn).note == nil)
    #expect(effective(["httpGet": ["port": 9, "scheme": "https"]], standIn).check == .tcp(host: nil, port: 9))
  }

  @Test(arguments: [
    ("sh", true), ("/bin/sh", true), ("no", false), ("/bin/no", false), ("./sh", false),
  ])
  func programsAreFoundAsExecFindsThem(program: String, found: Bool) {
    let isFound = ContainerKind.programExists(program, searchPath: "/sbin:/bin") { $0 == "/bin/sh" }
    #expect(isFound == found)
  }
}
