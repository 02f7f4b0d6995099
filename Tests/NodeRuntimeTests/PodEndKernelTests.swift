import Glibc
import JSON
import Linux
import Testing

@testable import Lab

/// How pods end: hooks, signals, grace, in their order, with real processes.
@Suite(.serialized) struct PodEndKernelTests {
  /// A container that writes its name and what it is told into a file.
  private func container(_ node: TestNode, _ name: String, _ lifecycle: JSON = .null) -> JSON {
    let log = "\(node.directory)/log"
    var container: JSON = [
      "name": .string(name), "image": "host/sh",
      "command": [
        "sh", "-c", .string("trap 'echo \(name)-term >> \(log); exit 0' TERM; while :; do sleep 0.05; done"),
      ],
    ]
    container["lifecycle"] = lifecycle
    return container
  }

  private func log(_ node: TestNode) -> [String] {
    ((try? Files.readText("\(node.directory)/log")) ?? "").split(separator: "\n").map(String.init)
  }

  private func say(_ node: TestNode, _ word: String, _ rest: String = "") -> JSON {
    ["exec": ["command": ["sh", "-c", .string("echo \(word) >> \(node.directory)/log; \(rest)")]]]
  }

  @Test func hooksComeBeforeTheSignalAndThePodStaysReady() throws {
    let node = try TestNode("hooks")
    defer { node.clean() }
    let gate = "\(node.directory)/gate"
    node.createPod(
      "web-1",
      [
        "containers": [
          container(
            node, "c",
            [
              "postStart": say(node, "post"),
              "preStop": say(
                node, "pre", "until [ -e \(gate) ]; do sleep 0.05; done; echo pre-end >> \(node.directory)/log"),
            ])
        ]
      ])
    try node.start()
    try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    #expect(log(node) == ["post"])
    try node.deletePod("web-1", grace: 60)
    node.waitUntil("the hook runs") { log(node) == ["post", "pre"] }
    let ending = try #require(node.api.pod("web-1"))
    #expect(!ending["metadata", "deletionTimestamp"].isNull)
    #expect(ending.isReadyPod)
    try Files.write(gate, "")
    node.waitUntil("the object is gone") { node.api.pod("web-1") == nil }
    #expect(log(node) == ["post", "pre", "pre-end", "c-term"])
  }

  @Test func aHookThatOverstaysIsCutOff() throws {
    let node = try TestNode("overstay")
    defer { node.clean() }
    node.createPod(
      "web-1", ["containers": [container(node, "c", ["preStop": ["exec": ["command": ["sleep", "1000"]]]])]])
    try node.start()
    try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    try node.deletePod("web-1", grace: 1)
    node.waitUntil("the object is gone") { node.api.pod("web-1") == nil }
    #expect(log(node) == ["c-term"], "after its grace it still has a moment for SIGTERM")
    node.waitUntil("it is told") { !node.api.events("FailedPreStopHook").isEmpty }
  }

  @Test func aFailingPostStartHookEndsTheContainer() throws {
    let node = try TestNode("poststart")
    defer { node.clean() }
    node.createPod("web-1", ["containers": [container(node, "c", ["postStart": say(node, "post", "exit 3")])]])
    try node.start()
    try node.waitForPod("web-1", "restarted") { $0.container("c")["restartCount"].int ?? 0 > 0 }
    #expect(node.api.pod("web-1")?.isReadyPod == false)
    node.waitUntil("it is told") { !node.api.events("FailedPostStartHook").isEmpty }
    node.waitUntil("the hook runs with each start") { log(node).count { $0 == "post" } >= 2 }
  }

  @Test func sidecarsEndLast() throws {
    let node = try TestNode("sidecars")
    defer { node.clean() }
    var first = container(node, "first")
    first["restartPolicy"] = "Always"
    var second = container(node, "second")
    second["restartPolicy"] = "Always"
    node.createPod(
      "web-1",
      [
        "initContainers": [first, second],
        "containers": [container(node, "main", ["preStop": ["sleep": ["seconds": 1]]])],
      ])
    try node.start()
    try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    try node.deletePod("web-1", grace: 60)
    node.waitUntil("the object is gone") { node.api.pod("web-1") == nil }
    #expect(log(node) == ["main-term", "second-term", "first-term"])
  }
}
