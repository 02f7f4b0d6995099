import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Streaming
import Testing

@testable import Lab

/// An API server over HTTPS and one node in this process; its pods are real. The node's server listens on 127.0.0.1, where
/// the API server finds it.
final class StreamCluster {
  let node: TestNode
  let server: APIServer
  let client: APIClient
  let port: UInt16
  let nodePort: UInt16
  var kubeconfig: String { "\(node.directory)/kubeconfig" }

  init(_ name: String, idleLimit: Double = 600) throws {
    node = try TestNode("streams-\(name)")
    var configuration = APIServerConfiguration(
      databasePath: "\(node.directory)/store.db", serviceRanges: [Prefix("10.96.0.0/16")!])
    configuration.pkiPath = "\(node.directory)/pki"
    server = try APIServer(configuration)
    client = APIClient(server.transport)
    port = try server.start([.address(IPAddress("127.0.0.1")!, port: 0)])[0]
    nodePort = try Self.freePort()
    try Files.write(kubeconfig, try #require(server.kubeconfig(server: "https://127.0.0.1:\(port)")))
    let pki = try #require(server.pki)
    let identity = try PKI.nodeServer(folder: pki.folder, node: "node1", addresses: ["127.0.0.1"])
    let context = try TLSContext(
      isServer: true, certificate: identity.certificate, key: identity.key, authority: pki.authority)
    node.configuration.nodeAddresses = [IPAddress("127.0.0.1")!]
    var streams = NodeServerConfiguration(context: context, port: nodePort)
    streams.idleLimit = idleLimit
    node.configuration.streams = streams
    try node.start(server.transport)
    node.waitUntil("the node is registered") { (try? client.find(.nodes, name: "node1")) ?? nil != nil }
    try client.patch(
      .nodes, name: "node1", .merge, ["spec": ["podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]]])
  }

  private static func freePort() throws -> UInt16 {
    let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    try check("bind") { SocketAddress(IPAddress("127.0.0.1")!, port: 0).bind(socket.raw) }
    return try SocketAddress.bound(socket.raw).port
  }

  func clean() {
    server.stop()
    node.clean()
  }

  /// Creates a pod bound to the node, and waits until its containers have been started.
  func run(_ name: String, _ containers: JSON, labels: JSON = [:], waits: Bool = true) throws {
    var pod = KubernetesObject(.pods, namespace: "default", name: name)
    pod.json["metadata", "labels"] = labels
    pod.spec = ["containers": containers, "nodeName": "node1", "terminationGracePeriodSeconds": 1]
    pod.spec["tolerations"] = [["operator": "Exists"]]
    try client.create(.pods, pod)
    guard waits else { return }
    node.waitUntil("pod \(name) runs") {
      let found = (try? client.find(.pods, namespace: "default", name: name)) ?? nil
      let statuses = found?.status["containerStatuses"].elements ?? []
      return statuses.count == containers.elements.count
        && statuses.allSatisfy { $0["state", "waiting"].isNull }
    }
  }

  /// A shell script as a container.
  static func shell(_ name: String, _ script: String) -> JSON {
    ["name": .string(name), "image": "host/sh", "command": ["sh", "-c", .string(script)]]
  }

  func kubectl(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> ChildProcess.Result {
    try ChildProcess.run([program] + arguments, input: input, environment: environment, timeout: 60)
  }

  var environment: [String: String] {
    ["KUBECONFIG": kubeconfig, "HOME": node.directory, "PATH": "/usr/local/bin:/usr/bin:/bin"]
  }

  /// The oldest and the newest kubectl there is: one speaks SPDY, the other WebSocket.
  static let kubectls: [String] = {
    var candidates: [String] = []
    if let named = getenv("KUBECTL") { candidates.append(String(cString: named)) }
    let shipped: [String] = (20...40).map { "/usr/lib/google-cloud-sdk/bin/kubectl.1.\($0)" }.filter { (path: String) in
      access(path, X_OK) == 0
    }
    candidates += shipped.suffix(1)
    if shipped.isEmpty { candidates.append("/usr/bin/kubectl") }
    return candidates.filter { (path: String) in access(path, X_OK) == 0 }
  }()
}
