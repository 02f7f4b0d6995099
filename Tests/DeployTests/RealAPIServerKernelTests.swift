import Deploy
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// Our programs with the rendered roles against a real kube-apiserver, where one is at hand: scripts/fetch-kube-apiserver.
@Suite("Real API server", .serialized, .enabled(if: RealCluster.programs != nil && getuid() == 0))
struct RealAPIServerKernelTests {
  static let arguments = [
    "--pod-range=10.244.0.0/16", "--service-range=10.96.0.0/12", "--controller=node-ranges",
    "--only=pod-network,policy,controllers,ingress",
  ]

  @Test func agentsAndControllersWork() throws {
    let cluster = try RealCluster()
    let manifests = Manifests(try RenderingTests.options(Self.arguments)).objects
    for object in manifests { try cluster.create(object) }

    // Two replicas of the controllers, one of which works.
    let deployment = try #require(manifests.first { $0["kind"] == "Deployment" })
    let command = deployment["spec", "template"]["spec", "containers"].elements[0]["command"].elements.compactMap(
      \.string)
    var replicas: [String: ChildProcess] = [:]
    defer { for replica in replicas.values { replica.stop(grace: 0) } }
    func start(_ name: String, health: Int) throws {
      let arguments = command.dropFirst().filter { !$0.hasPrefix("--health") } + ["--health=127.0.0.1:\(health)"]
      replicas[name] = try cluster.run(Array(arguments), as: "swiftlet-controllers", log: name)
    }
    try start("first", health: 10288)
    func holder() throws -> String {
      let lease = try cluster.request(
        "GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/swiftlet-controllers")
      return lease.json["spec", "holderIdentity"].string ?? ""
    }
    #expect(try AccessTests.until { try holder().hasPrefix("first_") }, "\(cluster.log("first"))")
    try start("second", health: 10289)
    func node(_ name: String) throws -> KubernetesObject {
      KubernetesObject(try cluster.request("GET", "/api/v1/nodes/\(name)").json)
    }
    for name in ["node1", "node2"] {
      try cluster.create(["kind": "Node", "apiVersion": "v1", "metadata": ["name": .string(name)]])
      #expect(try AccessTests.until { try node(name).spec["podCIDRs"].elements.count == 1 }, "\(cluster.log("first"))")
    }
    let address: JSON = ["status": ["addresses": [["type": "InternalIP", "address": "192.0.2.11"]]]]
    _ = try cluster.request("PATCH", "/api/v1/nodes/node1/status", address, type: "application/merge-patch+json")

    // The agent of the first node, as its pod would run it.
    let map = try #require(manifests.first { $0["kind"] == "ConfigMap" && $0["metadata", "name"] == "swiftlet-agent" })
    try Files.write("\(cluster.folder)/agent.yaml", try #require(map["data", "agent.yaml"].string))
    try Files.makeDirectories("\(cluster.folder)/cni")
    let agent = try cluster.run(
      [
        "agent", "--config=\(cluster.folder)/agent.yaml", "--state-dir=\(cluster.folder)/run",
        "--cni-conf-dir=\(cluster.folder)/cni", "--data-dir=\(cluster.folder)/leases",
      ], as: "swiftlet-agent", log: "agent")
    defer { agent.stop(grace: 0) }
    func asks(_ path: String) -> String {
      let url = "http://127.0.0.1:10268\(path)"
      return (try? ChildProcess.run(["curl", "-s", url], namespace: cluster.namespace, timeout: 10))?.output ?? ""
    }
    #expect(AccessTests.until { asks("/readyz") == "ok\n" }, "\(cluster.log("agent"))")
    #expect(try node("node1").annotations["swiftlet.dev/routing"] == "vxlan")
    #expect(try node("node1").condition("NetworkUnavailable")["reason"] == "SwiftletRoutingReady")
    func routes() throws -> String {
      try ChildProcess.run(["ip", "-j", "route", "show", "proto", "87"], namespace: cluster.namespace).output
    }

    // The API server dies and comes back: nothing is lost, and changes go on.
    cluster.kill()
    usleep(3_000_000)
    #expect(asks("/livez") == "ok\n" && asks("/readyz") == "ok\n")
    try cluster.start()
    let peer: JSON = [
      "metadata": [
        "annotations": [
          "flannel.alpha.coreos.com/backend-type": "vxlan", "flannel.alpha.coreos.com/public-ip": "192.0.2.12",
          "flannel.alpha.coreos.com/kube-subnet-manager": "true",
          "flannel.alpha.coreos.com/backend-data": #"{"VNI":1,"VtepMAC":"02:00:00:00:00:12"}"#,
        ]
      ]
    ]
    #expect(
      try cluster.request("PATCH", "/api/v1/nodes/node2", peer, type: "application/merge-patch+json").status == 200)
    let range = try #require(try node("node2").spec["podCIDR"].string)
    #expect(try AccessTests.until { try routes().contains("\"\(range)\"") }, "\(cluster.log("agent"))")

    // The leader is killed; the other waits for its Lease to run out, and goes on.
    replicas["first"]?.stop(grace: 0)
    #expect(try AccessTests.until { try holder().hasPrefix("second_") }, "\(cluster.log("second"))")
    try cluster.create(["kind": "Node", "apiVersion": "v1", "metadata": ["name": "node3"]])
    #expect(
      try AccessTests.until { try node("node3").spec["podCIDRs"].elements.count == 1 }, "\(cluster.log("second"))")
    #expect(Set(try ["node1", "node2", "node3"].map { try node($0).spec["podCIDR"].string }).count == 3)
    // One that ends well gives the Lease back.
    replicas["second"]?.stop()
    #expect(try holder() == "")
    for name in ["first", "second", "agent"] {
      #expect(!cluster.log(name).contains("orbidden"), "\(cluster.log(name))")
    }
  }
}
