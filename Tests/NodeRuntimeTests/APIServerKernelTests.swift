import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

@testable import Lab

/// The runtime against our own API server in this process: what it sends is taken, and what it reads is what is sent.
@Suite(.serialized) struct APIServerKernelTests {
  @Test func podLivesAndEndsOnTheRealAPI() throws {
    let node = try TestNode("api")
    defer { node.clean() }
    node.configuration.nodeAddresses.append(IPAddress("fd00:77::11")!)
    let server = try APIServer(
      APIServerConfiguration(databasePath: "\(node.directory)/store.db", serviceRanges: [Prefix("10.96.0.0/16")!]))
    let client = APIClient(server.transport)
    if try client.find(.namespaces, name: "shop") == nil {
      try client.create(.namespaces, KubernetesObject(.namespaces, name: "shop"))
    }
    try node.start(server.transport)
    func wait(_ what: String, _ condition: () throws -> Bool) {
      node.waitUntil(what) { (try? condition()) ?? false }
    }
    func pod() throws -> JSON? { try client.find(.pods, namespace: "shop", name: "web-1")?.json }

    wait("the node is registered") { try client.get(.nodes, name: "node1").condition("Ready")["status"] == "False" }
    try client.patch(
      .nodes, name: "node1", .merge, ["spec": ["podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]]])
    wait("the node is ready") { try client.get(.nodes, name: "node1").isTrue("Ready") }
    let addresses = try client.get(.nodes, name: "node1").status["addresses"].elements
    #expect(addresses.map { $0["address"].string } == ["192.168.77.11", "fd00:77::11", "node1"])
    wait("the Lease is there") {
      try client.get(.leases, namespace: "kube-node-lease", name: "node1").spec["renewTime"].string != nil
    }

    var object = KubernetesObject(.pods, namespace: "shop", name: "web-1")
    object.spec = NodeRuntimeKernelTests.web
    object.spec["nodeName"] = "node1"
    object.spec["tolerations"] = [["operator": "Exists"]]
    try client.create(.pods, object)
    wait("the pod is ready") { try pod()?.isReadyPod ?? false }
    let ready = try #require(try pod())
    #expect(ready["status", "phase"] == "Running")
    let address = try #require(ready.podIP)
    let version = ready["metadata", "resourceVersion"]

    usleep(1_500_000)
    #expect(try pod()?["metadata", "resourceVersion"] == version, "a pod at rest is not written")

    // A sandbox that dies gives the pod another address; the old one must not stay in the list.
    let sandbox = try #require(node.podDirectory(ready).sandbox())
    kill(sandbox.pid, SIGKILL)
    wait("the pod is ready again") { try pod()?.isReadyPod == true && pod()?.podIP != address }
    #expect(try pod()?["status", "podIPs"].elements.count == 1)
    #expect(try pod()?.container("server")["restartCount"] == 1)
    wait("events are stored") {
      let events = try client.list(.events, ListOptions(namespace: "shop", fieldSelector: "reason=Started")).items
      return events.contains { $0.json["involvedObject", "name"].string == "web-1" }
    }

    try client.delete(.pods, namespace: "shop", name: "web-1")
    #expect(try pod()?["metadata", "deletionTimestamp"].string != nil, "the API waits for the runtime")
    wait("the pod is gone") { try pod() == nil }
    wait("nothing is left of it") { PodDirectory.all(stateDirectory: node.configuration.stateDirectory).isEmpty }
    #expect(!node.lines.text.contains("was not"), "\(node.lines.text)")
  }
}
