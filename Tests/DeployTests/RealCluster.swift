import Deploy
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// etcd and a real kube-apiserver in a network namespace of their own, where a node is too. The administrator asks with
/// curl, a client that is not ours.
final class RealCluster {
  /// A folder with `etcd` and `kube-apiserver`, as scripts/fetch-kube-apiserver makes it; nil: not at hand.
  static let programs: String? = {
    let repository = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    let folder =
      getenv("SWIFTLET_KUBE_APISERVER").map { String(cString: $0) } ?? "\(repository)/.build/peers/kube-apiserver"
    return ["etcd", "kube-apiserver"].allSatisfy { access("\(folder)/\($0)", X_OK) == 0 } ? folder : nil
  }()

  /// The administrator's, where one is installed.
  static let kubectl: String? = {
    let named = getenv("KUBECTL").map { [String(cString: $0)] } ?? []
    return (named + ["/usr/lib/google-cloud-sdk/bin/kubectl", "/usr/bin/kubectl"]).first { access($0, X_OK) == 0 }
  }()

  static let port = 6443
  let folder: String
  let namespace: NetworkNamespace
  private let etcd: ChildProcess
  private var server: ChildProcess?
  private let arguments: [String]

  /// - Parameter arguments: further ones of kube-apiserver.
  init(_ arguments: [String] = []) throws {
    self.arguments = arguments
    var template = Array("/tmp/swt-real-XXXXXX".utf8CString)
    folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    namespace = try NetworkNamespace.create()
    for command in [
      "ip link set lo up", "ip link add eth0 type veth peer name uplink", "ip address add 192.0.2.11/24 dev eth0",
      "ip link set eth0 up", "ip link set uplink up", "ip route add default via 192.0.2.1",
    ] {
      let result = try ChildProcess.run(command.split(separator: " ").map(String.init), namespace: namespace)
      try #require(result.status.isSuccess, "\(command): \(result.errorOutput)")
    }
    let key = try ChildProcess.run(["openssl", "genrsa", "-out", "\(folder)/account.key", "2048"], timeout: 60)
    try #require(key.status.isSuccess)
    try Files.write("\(folder)/tokens.csv", "admin,admin,admin,\"system:masters\"\n")
    let url = "http://127.0.0.1:2379"
    etcd = try ChildProcess(
      [
        "\(try #require(Self.programs))/etcd", "--data-dir", "\(folder)/etcd", "--listen-client-urls", url,
        "--advertise-client-urls", url,
      ], standardOutput: .null, standardError: .null, namespace: namespace)
    try start()
  }

  deinit {
    server?.stop(grace: 0)
    etcd.stop(grace: 0)
    try? Files.removeTree(folder)
  }

  /// Starts the API server and waits until it is ready.
  func start() throws {
    let log = try FileDescriptor.open("\(folder)/server.log", O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    server = try ChildProcess(
      [
        "\(try #require(Self.programs))/kube-apiserver", "--etcd-servers=http://127.0.0.1:2379",
        "--bind-address=127.0.0.1", "--advertise-address=192.0.2.11", "--secure-port=\(Self.port)",
        "--cert-dir=\(folder)/pki", "--service-cluster-ip-range=10.96.0.0/12", "--authorization-mode=Node,RBAC",
        "--token-auth-file=\(folder)/tokens.csv", "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=\(folder)/account.key", "--service-account-signing-key-file=\(folder)/account.key",
        "--allow-privileged=true", "--disable-admission-plugins=ServiceAccount",
      ] + arguments, standardOutput: .descriptor(log.raw), standardError: .descriptor(log.raw), namespace: namespace)
    try #require(
      AccessTests.until { (try? request("GET", "/readyz"))?.status == 200 },
      "\((try? Files.readText("\(folder)/server.log"))?.suffix(2000) ?? "")")
  }

  func kill() {
    server?.stop(grace: 0)
    server = nil
  }

  func request(
    _ method: String, _ path: String, _ body: JSON? = nil, type: String = "application/json"
  ) throws -> (status: Int, json: JSON) {
    var arguments = [
      "curl", "-skS", "--http1.1", "-X", method, "-H", "Authorization: Bearer admin", "-H", "Content-Type: \(type)",
      "-w",
      "\n%{http_code}", "--max-time", "30", "https://127.0.0.1:\(Self.port)\(path)",
    ]
    if body != nil { arguments += ["--data-binary", "@-"] }
    let result = try ChildProcess.run(arguments, input: body?.bytes() ?? [], namespace: namespace, timeout: 40)
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
    return (
      Int(lines.last ?? "") ?? 0, (try? JSON(parsing: Array(lines.dropLast().joined(separator: "\n").utf8))) ?? .null
    )
  }

  func create(_ object: JSON) throws {
    let object = KubernetesObject(object)
    let type = try #require(ResourceType.known.first { $0.kind == object.kind && $0.apiVersion == object.apiVersion })
    let path = type.path(namespace: object.namespace) + "?fieldValidation=Strict"
    let answer = try request("POST", path, object.json)
    try #require(answer.status == 201, "\(object.reference): \(answer.json)")
  }

  /// A kubeconfig of a service account, as a pod's volume would have it.
  func kubeconfig(_ account: String) throws -> String {
    let answer = try request(
      "POST", "/api/v1/namespaces/kube-system/serviceaccounts/\(account)/token",
      ["kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": ["expirationSeconds": 3600]])
    try Files.write("\(folder)/\(account).token", try #require(answer.json["status", "token"].string))
    let path = "\(folder)/\(account).kubeconfig"
    try Files.write(
      path,
      """
      current-context: x
      clusters:
      - {name: x, cluster: {server: "https://127.0.0.1:\(Self.port)", certificate-authority: pki/apiserver.crt}}
      users: [{name: x, user: {tokenFile: \(account).token}}]
      contexts: [{name: x, context: {cluster: x, user: x}}]
      """)
    return path
  }

  /// Runs a program of ours on the node, as an account. What it writes goes to `NAME.log`.
  func run(_ arguments: [String], as account: String, log name: String) throws -> ChildProcess {
    let log = try FileDescriptor.open("\(folder)/\(name).log", O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    return try ChildProcess(
      [DeployedAgentKernelTests.Node.program] + arguments,
      environment: [
        "NODE_NAME": "node1", "POD_NAME": name, "KUBECONFIG": try kubeconfig(account),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
      ], standardOutput: .descriptor(log.raw), standardError: .descriptor(log.raw), namespace: namespace)
  }

  func log(_ name: String) -> String { (try? Files.readText("\(folder)/\(name).log")) ?? "" }
}
