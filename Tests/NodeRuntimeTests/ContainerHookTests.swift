import JSON
import Testing

@testable import Lab

@Suite struct ContainerHookTests {
  private func hook(_ lifecycle: JSON) -> ContainerHook? {
    ContainerHook(
      .preStop,
      ContainerManifest([
        "name": "c", "ports": [["name": "web", "containerPort": 8080]], "lifecycle": ["preStop": lifecycle],
      ]))
  }

  @Test func actions() {
    #expect(hook(.null) == nil)
    #expect(hook(["exec": ["command": ["a", "b"]]])?.action == .exec(["a", "b"]))
    #expect(hook(["sleep": ["seconds": 7]])?.action == .sleep(7))
    #expect(
      hook(["httpGet": ["port": "web", "path": "bye"]])?.action
        == .http(host: nil, port: 8080, path: "/bye", headers: [], isTLS: false))
    #expect(
      hook(["httpGet": ["scheme": "HTTPS", "host": "10.0.0.1"]])?.action
        == .http(host: "10.0.0.1", port: 80, path: "/", headers: [], isTLS: true))
    #expect(hook(["httpGet": ["port": "web"]])?.port == 8080)
    #expect(hook(["httpGet": ["port": 81, "host": "10.0.0.1"]])?.port == nil)
    for broken: JSON in [["httpGet": ["port": "none"]], ["tcpSocket": ["port": 1]], [:]] {
      guard case .unusable = hook(broken)?.action else {
        Issue.record("\(broken) is taken for a hook")
        continue
      }
    }
  }

  /// Of a command for a stand-in only the sleeps are kept.
  @Test(
    arguments: [
      (["sleep", "15"], 15), (["/bin/sleep", "0.5"], 0.5), (["sleep", "1m", "2s"], 62), (["sh", "-c", "sleep 5"], 5),
      (["/bin/sh", "-ec", "sleep 5 && nginx -s quit; sleep 2"], 7), (["bash", "-c", "/usr/bin/sleep 3\nexit"], 3),
      (["sh", "-c"], 0), (["nginx", "-s", "quit"], 0), ([], 0), (["sh", "-c", "echo sleep 5"], 0), (["sleep", "x"], 0),
      (["sleep", "-5"], 0), (["sleep", "inf"], 0),
    ] as [([String], Double)])
  func sleeps(command: [String], seconds: Double) throws {
    #expect(ContainerHook.sleep(in: command) == seconds)
    let hook = try #require(self.hook(["exec": ["command": .array(command.map { .string($0) })]]))
    #expect(hook.effective(.standIn([])).action == .sleep(seconds))
    #expect(hook.effective(.standIn([])).note != nil)
    #expect(hook.effective(.hostCommand(["x"])).action == .exec(command))
    #expect(hook.effective(.hostCommand(["x"])).note == nil)
  }
}
