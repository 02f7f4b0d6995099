import Glibc
import JSON
import Kubernetes
import Linux
import Testing

@testable import Lab

/// The runtime in a process of its own that is killed.
@Suite(.serialized) struct CrashKernelTests {
  static let namespace = "/run/netns/swt-runtime-crash"
  static let directory = "/tmp/swt-runtime-crash"

  @Test func killedRuntimeIsFollowedByOneThatKnowsItsPods() async throws {
    try? NetworkNamespace.remove(path: Self.namespace)
    try Files.makeDirectories("/run/netns")
    try? Files.removeTree(Self.directory)
    defer { try? NetworkNamespace.remove(path: Self.namespace) }
    await #expect(processExitsWith: .signal(SIGKILL)) {
      let node = try TestNode(
        "crash", directory: CrashKernelTests.directory, boundTo: CrashKernelTests.namespace)
      node.createPod("web-1", NodeRuntimeKernelTests.web)
      try node.start()
      let pod = try node.waitForPod("web-1", "ready") { $0.isReadyPod }
      try Files.write("\(CrashKernelTests.directory)/pod.json", pod.bytes())
      kill(getpid(), SIGKILL)
    }
    let pod = try JSON(parsing: try Files.read("\(Self.directory)/pod.json"))
    let node = try TestNode("crash", directory: Self.directory, boundTo: Self.namespace, isExisting: true)
    defer { node.clean() }
    let directory = node.podDirectory(pod)
    let sandbox = try #require(directory.sandbox())
    let process = try #require(directory.process("server"))
    func answers() throws -> Bool {
      try node.run(["curl", "-sf", "--max-time", "5", "http://\(pod.podIP ?? "?"):8080/"]).output.contains("web-1")
    }
    #expect(try answers(), "the pod goes on without its runtime")
    node.api.put("/api/v1/namespaces/shop/pods/web-1", pod)
    try node.start()
    usleep(1_200_000)  // more than a probe's period
    #expect(directory.sandbox() == sandbox)
    #expect(directory.process("server") == process)
    #expect(try answers())
    let now = try #require(node.api.pod("web-1"))
    #expect(now["status"] == pod["status"], "nothing was disturbed, so nothing is reported")
    // Not our child: its end is seen all the same.
    kill(process.pid, SIGKILL)
    let again = try node.waitForPod("web-1", "ready again") {
      $0.isReadyPod && $0.container("server")["restartCount"].int == 1
    }
    #expect(again.podIP == pod.podIP)
    #expect(again.container("server")["lastState", "terminated", "reason"] == "ContainerStatusUnknown")
    #expect(try answers())
    try node.deletePod("web-1", grace: 5)
    node.waitUntil("the object is gone") { node.api.pod("web-1") == nil }
    #expect(ProcessHandle(sandbox) == nil)
    #expect(try Files.list("\(Self.directory)/leases/swiftlet").filter { $0.hasPrefix("10.") } == [])
  }
}
