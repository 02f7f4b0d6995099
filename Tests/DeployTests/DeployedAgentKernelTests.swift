import Addressing
import ControlPlane
import Deploy
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// The programs of the rendered pods, run as the pods would run them: their configuration from the ConfigMap, their
/// service account's token, the rights of their roles, a node of their own.
@Suite("Deployed agent", .serialized) struct DeployedAgentKernelTests {
  final class Node {
    static let program: String = {
      let own = CommandLine.arguments[0]
      return own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/swiftlet"
    }()

    let server: TestServer
    let admin: APIClient
    let namespace: NetworkNamespace
    let folder: String
    private(set) var port: UInt16 = 0

    init(_ arguments: [String]) throws {
      server = try AccessTests.serve(arguments)
      admin = APIClient(server.server.transport)
      namespace = try NetworkNamespace.create()
      folder = server.folder + "/node"
      try Files.makeDirectories(folder)
      for command in [
        "ip link set lo up", "ip link add eth0 type veth peer name uplink", "ip address add 192.0.2.11/24 dev eth0",
        "ip link set eth0 up", "ip link set uplink up", "ip route add default via 192.0.2.1",
      ] {
        let result = try ChildProcess.run(command.split(separator: " ").map(String.init), namespace: namespace)
        try #require(result.status.isSuccess, "\(command): \(result.errorOutput)")
      }
      try serve(port: 0)
      try admin.create(.nodes, KubernetesObject(.nodes, name: "node1"))
      let status: JSON = ["status": ["addresses": [["type": "InternalIP", "address": "192.0.2.11"]]]]
      try admin.patch(.nodes, name: "node1", .merge, status, subresource: "status")
      try admin.patch(
        .nodes, name: "node1", .merge, ["spec": ["podCIDR": "10.244.3.0/24", "podCIDRs": ["10.244.3.0/24"]]])
    }

    func serve(port: UInt16) throws {
      self.port = try server.server.start([.address(IPAddress("127.0.0.1")!, port: port, namespace: namespace)])[0]
    }

    /// Starts the container's command of a rendered pod.
    func start(_ account: String, folders: [String]) throws -> ChildProcess {
      let map = try admin.get(.configMaps, namespace: "kube-system", name: account)
      try Files.write("\(folder)/agent.yaml", try #require(map.json["data", "agent.yaml"].string))
      try renew(account)
      try Files.write("\(folder)/ca.crt", try #require(server.server.pki).authority)
      try Files.write(
        "\(folder)/kubeconfig",
        """
        current-context: x
        clusters: [{name: x, cluster: {server: "https://127.0.0.1:\(port)", certificate-authority: ca.crt}}]
        users: [{name: x, user: {tokenFile: token}}]
        contexts: [{name: x, context: {cluster: x, user: x}}]
        """)
      let log = try FileDescriptor.open("\(folder)/log", O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
      return try ChildProcess(
        [Self.program, "agent", "--config", "\(folder)/agent.yaml"] + folders,
        environment: [
          "NODE_NAME": "node1", "KUBECONFIG": "\(folder)/kubeconfig", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        ],
        standardOutput: .descriptor(log.raw), standardError: .descriptor(log.raw), namespace: namespace)
    }

    /// A token as the kubelet fetches it for a pod.
    func renew(_ account: String) throws {
      let answer = try admin.create(
        .serviceAccounts,
        KubernetesObject(["metadata": ["namespace": "kube-system"], "spec": ["expirationSeconds": 600]]),
        subresource: "token", of: account)
      try Files.write("\(folder)/token", try #require(answer.status["token"].string))
    }

    var log: String { (try? Files.readText("\(folder)/log")) ?? "" }

    /// The status and text of a health path.
    func ask(_ path: String, port: Int) -> String {
      let result = try? ChildProcess.run(
        ["curl", "-s", "-w", "%{http_code}", "http://127.0.0.1:\(port)\(path)"], namespace: namespace, timeout: 10)
      return result?.output ?? ""
    }

    func isReady(port: Int) -> Bool { AccessTests.until { ask("/readyz", port: port) == "ok\n200" } }
  }

  static func folders(_ node: Node) -> [String] {
    ["--state-dir=\(node.folder)/run", "--cni-conf-dir=\(node.folder)/cni", "--data-dir=\(node.folder)/leases"]
  }

  @Test func anAgentLivesWithItsRightsAndThroughTheLossOfTheServer() throws {
    let node = try Node(RenderingTests.whole + ["--only=pod-network,services,policy"])
    try Files.makeDirectories(node.folder + "/cni")
    let agent = try node.start("swiftlet-agent", folders: Self.folders(node))
    defer { agent.stop() }
    #expect(node.isReady(port: 10268), "\(node.log)")
    #expect(node.ask("/livez", port: 10268) == "ok\n200")
    #expect(node.ask("/metrics", port: 10268).hasSuffix("404"))
    let object = try node.admin.get(.nodes, name: "node1")
    #expect(object.annotations["swiftlet.dev/routing"] == "vxlan")
    #expect(object.condition("NetworkUnavailable")["status"] == "False")
    #expect(Files.exists(node.folder + "/cni/10-swiftlet.conflist"))

    func serviceIsThere(_ address: String) -> Bool {
      let result = try? ChildProcess.run(
        ["nft", "-j", "list", "table", "inet", "swiftlet-services"], namespace: node.namespace)
      return result?.output.contains("\"\(address)\"") == true
    }
    func make(_ name: String, _ address: String) throws {
      try node.admin.create(
        .services,
        KubernetesObject([
          "metadata": ["name": .string(name), "namespace": "default"],
          "spec": ["clusterIP": .string(address), "ports": [["port": 80]]],
        ]))
    }
    try make("one", "10.96.0.101")
    #expect(AccessTests.until { serviceIsThere("10.96.0.101") })
    // The server goes. What is programmed stays, the agent is alive and ready: restarting it could only make it worse.
    node.server.server.stop()
    try make("two", "10.96.0.102")
    usleep(1_500_000)
    #expect(serviceIsThere("10.96.0.101") && !serviceIsThere("10.96.0.102"))
    #expect(node.ask("/livez", port: 10268) == "ok\n200" && node.ask("/readyz", port: 10268) == "ok\n200")
    // It comes back, and only with a token that was replaced meanwhile.
    try node.renew("swiftlet-agent")
    try node.serve(port: node.port)
    #expect(AccessTests.until { serviceIsThere("10.96.0.102") })
    // An agent that ends leaves its data plane.
    agent.stop()
    #expect(serviceIsThere("10.96.0.101") && serviceIsThere("10.96.0.102"))
    #expect(!node.log.contains("orbidden"), "\(node.log)")
  }

  @Test func aGatewayLivesWithItsRights() throws {
    let node = try Node(RenderingTests.whole)
    try node.admin.create(
      .ingressClasses,
      KubernetesObject([
        "metadata": ["name": "swiftlet"], "spec": ["controller": "swiftlet.dev/ingress"],
      ]))
    try node.admin.create(
      .ingresses,
      KubernetesObject([
        "metadata": ["name": "shop", "namespace": "default"],
        "spec": [
          "ingressClassName": "swiftlet",
          "defaultBackend": ["service": ["name": "kubernetes", "port": ["number": 443]]],
        ],
      ]))
    let agent = try node.start("swiftlet-gateway", folders: ["--state-dir=\(node.folder)/run"])
    defer {
      agent.stop()
      // HAProxy outlives its agent on purpose.
      let identity = (try? Files.readText("\(node.folder)/run/haproxy/process")) ?? ""
      if let pid = identity.split(separator: " ").first.flatMap({ Int32($0) }) { kill(pid, SIGTERM) }
    }
    #expect(node.isReady(port: 10278), "\(node.log)")
    #expect(
      try AccessTests.until {
        try node.admin.get(.ingresses, namespace: "default", name: "shop").status["loadBalancer", "ingress"].elements
          .contains { $0["ip"] == "192.0.2.11" }
      }, "\(node.log)")
    #expect(!node.log.contains("orbidden"), "\(node.log)")
  }

  /// The plugin is replaced as a whole, while somebody runs it.
  @Test func thePluginIsInstalledAtomically() throws {
    var template = Array("/tmp/swt-install-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    try Files.write(folder + "/swiftlet-cni", "old", mode: 0o600)
    let open = try FileDescriptor.open(folder + "/swiftlet-cni")
    let plugin = Node.program + "-cni"
    for _ in 0..<2 {
      let result = try ChildProcess.run([Node.program, "install-cni", "--target", folder], timeout: 60)
      #expect(result.status.isSuccess, "\(result.errorOutput)")
    }
    #expect(try Files.list(folder) == ["swiftlet-cni"])
    #expect(try Files.read(folder + "/swiftlet-cni") == Files.read(plugin))
    #expect(access(folder + "/swiftlet-cni", X_OK) == 0)
    // Who had the old one open still has it.
    #expect(try open.readAll() == Array("old".utf8))
  }
}
