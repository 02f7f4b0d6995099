import Deploy
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// Every plane of an agent, the controllers of a deployment, the workload controllers and the lab's node runtime on a real
/// kube-apiserver: Services, names, policies, pod network and load balancers, with packets.
///
/// Kubernetes 1.20 lacks EndpointSlices of version v1. Here the server, unchanged, gets them as a CustomResourceDefinition
/// and does without its own of v1beta1; all else is its own.
@Suite(
  "Planes on a real API server", .serialized,
  .enabled(
    if: RealCluster.programs != nil && RealCluster.kubectl != nil && getuid() == 0,
    "needs scripts/fetch-kube-apiserver .build/peers/kube-apiserver, kubectl and root"))
struct RealPlanesKernelTests {
  private static let arguments = [
    "--pod-range=10.244.0.0/16", "--service-range=10.96.0.0/12", "--cluster-dns=10.96.0.10",
    "--api-server=192.0.2.11:6443", "--controller=node-ranges,load-balancers",
    "--only=pod-network,services,policy,dns,load-balancers,controllers",
  ]

  /// The cluster, our programs in it, and the administrator's kubectl.
  final class Site {
    let cluster: RealCluster
    private var processes: [ChildProcess] = []
    private var relay: NamespaceRelay?
    private var controllers: RealControllers?

    init() throws {
      cluster = try RealCluster([
        "--runtime-config=discovery.k8s.io/v1beta1=false", "--feature-gates=EndpointSlice=false",
      ])
      let folder = cluster.folder
      for name in ["cni", "leases", "runtime"] { try Files.makeDirectories("\(folder)/\(name)") }
      let repository = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
      try kubectl("apply", "-f", "-", input: RealCluster.endpointSlices)
      try kubectl("apply", "-f", "\(repository)/deploy/crds/loadbalancerpools.yaml")
      for name in ["endpointslices.discovery.k8s.io", "loadbalancerpools.swiftlet.dev"] {
        try kubectl("wait", "--for=condition=Established", "crd/\(name)")
      }
      // The pods of the rendering are run by hand below; a controller of ours would make stand-ins of them.
      let manifests = Manifests(try RenderingTests.options(RealPlanesKernelTests.arguments)).objects
      let workloads: Set<String?> = ["DaemonSet", "Deployment"]
      let others = manifests.filter { !workloads.contains($0["kind"].string) }
      let list: JSON = ["apiVersion": "v1", "kind": "List", "items": .array(others)]
      try kubectl("apply", "-f", "-", input: String(decoding: list.bytes(), as: UTF8.self))

      let deployment = try #require(
        manifests.first { $0["kind"] == "Deployment" && $0["metadata", "name"] == "swiftlet-controllers" })
      let command = deployment["spec", "template"]["spec", "containers"].elements[0]["command"].elements
      processes.append(
        try cluster.run(command.dropFirst().compactMap(\.string), as: "swiftlet-controllers", log: "controllers"))
      try startNode(manifests)
      let relay = try NamespaceRelay(to: UInt16(RealCluster.port), in: cluster.namespace)
      self.relay = relay
      let config = try KubeConfig(file: adminKubeconfig(port: relay.port))
      controllers = RealControllers(HTTPTransport(config))
    }

    /// The runtime of the node, which makes pods of what is bound to it, and the agent as its pod would run it.
    private func startNode(_ manifests: [JSON]) throws {
      let folder = cluster.folder
      let programs = DeployedAgentKernelTests.Node.program.split(separator: "/").dropLast().map { "/\($0)" }.joined()
      let map = try #require(
        manifests.first { $0["kind"] == "ConfigMap" && $0["metadata", "name"] == "swiftlet-agent" })
      try Files.write("\(folder)/agent.yaml", try #require(map["data", "agent.yaml"].string))
      processes.append(
        try cluster.run(
          [
            "lab", "runtime", "--kubeconfig=\(adminKubeconfig(port: UInt16(RealCluster.port)))", "--node-name=node1",
            "--node-address=192.0.2.11", "--cni-conf-dir=\(folder)/cni", "--cni-bin-dir=\(programs)",
            "--state-dir=\(folder)/runtime", "--cluster-dns=10.96.0.10", "--pause=\(programs)/swiftlet-pause",
          ], as: "swiftlet-agent", log: "runtime"))
      processes.append(
        try cluster.run(
          [
            "agent", "--config=\(folder)/agent.yaml", "--state-dir=\(folder)/run", "--cni-conf-dir=\(folder)/cni",
            "--data-dir=\(folder)/leases",
          ], as: "swiftlet-agent", log: "agent"))
    }

    deinit {
      controllers?.stop()
      relay?.close()
      for process in processes { process.stop(grace: 0) }
      // Pods outlive their runtime. Each process of theirs names its folder.
      for pid in ((try? Files.list("/proc")) ?? []).compactMap({ pid_t($0) }) {
        guard let command = try? Files.readText("/proc/\(pid)/cmdline"), command.contains(cluster.folder) else {
          continue
        }
        kill(pid, SIGKILL)
      }
    }

    func adminKubeconfig(port: UInt16) throws -> String {
      let path = "\(cluster.folder)/admin-\(port).kubeconfig"
      try Files.write(
        path,
        """
        apiVersion: v1
        kind: Config
        current-context: x
        clusters:
        - {name: x, cluster: {server: "https://127.0.0.1:\(port)", certificate-authority: pki/apiserver.crt}}
        users: [{name: x, user: {token: admin}}]
        contexts: [{name: x, context: {cluster: x, user: x}}]
        """)
      return path
    }

    @discardableResult
    func kubectl(_ arguments: String..., input: String = "", succeeds: Bool = true) throws -> String {
      let program = try #require(RealCluster.kubectl)
      let result = try ChildProcess.run(
        [program] + arguments, input: Array(input.utf8),
        environment: [
          "KUBECONFIG": adminKubeconfig(port: UInt16(RealCluster.port)), "HOME": cluster.folder,
          "PATH": "/usr/bin:/bin",
        ], namespace: cluster.namespace, timeout: 60)
      try #require(result.status.isSuccess == succeeds, "kubectl \(arguments): \(result.output)\(result.errorOutput)")
      return result.output + result.errorOutput
    }

    func node(_ command: String) throws -> String {
      try ChildProcess.run(["sh", "-c", command], namespace: cluster.namespace, timeout: 20).output
    }

    var logs: String {
      ["controllers", "runtime", "agent"].map { "--- \($0)\n\(cluster.log($0).suffix(3000))" }.joined(separator: "\n")
        + "\n--- own\n\(controllers?.lines ?? "")"
    }
  }

  /// Of things that take a pod's start, or packets that take a second to be given up.
  private static func until(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<150 {
      if try condition() { return true }
      usleep(200_000)
    }
    return false
  }

  @Test func servicesNamesPoliciesAndLoadBalancers() throws {
    let site = try Site()
    let answer = "\(site.cluster.folder)/answer"
    try site.kubectl("apply", "-f", "-", input: Self.manifests(answer: answer))
    func answers() -> String { (try? Files.readText(answer)) ?? "" }

    // By name: node-local DNS, the Service's address, an endpoint of the slice that a controller of ours wrote.
    try #require(Self.until { answers().contains("web-") }, "\(site.logs)")
    let slices = try JSON(
      parsing: site.kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "json"))
    #expect(
      slices["items"].elements.flatMap { $0["endpoints"].elements }.count { $0["conditions", "ready"] == true } == 2)
    var seen: Set<Substring> = []
    #expect(
      Self.until {
        if let name = answers().split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "-" }).first(where: {
          $0.hasPrefix("web-")
        }) {
          seen.insert(name)
        }
        return seen.count == 2
      }, "\(seen)")
    let node = try JSON(parsing: site.kubectl("get", "node", "node1", "-o", "json"))
    #expect(node["metadata", "annotations", "swiftlet.dev/routing"] == "vxlan")
    #expect(node["spec", "podCIDR"].string?.hasPrefix("10.244.") == true)

    // A policy closes, another opens.
    try site.kubectl("apply", "-f", "-", input: Self.policy("closed", ingress: "[]"))
    #expect(Self.until { answers() == "none\n" }, "\(answers()) \(site.logs)")
    try site.kubectl(
      "apply", "-f", "-",
      input: Self.policy("open", ingress: "[{from: [{podSelector: {matchLabels: {app: client}}}]}]"))
    #expect(Self.until { answers().contains("web-") }, "\(site.logs)")

    // An address of a pool, whose kind is a CustomResourceDefinition.
    let refusal = try site.kubectl("apply", "-f", "-", input: Self.pool("empty", "[]"), succeeds: false)
    #expect(refusal.contains("spec.addresses"))
    try site.kubectl("apply", "-f", "-", input: Self.pool("office", #"["192.0.2.100-192.0.2.103"]"#))
    func ingress() throws -> String {
      try site.kubectl("get", "service", "web", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
    }
    try #require(try Self.until { try ingress() == "192.0.2.100" }, "\(site.logs)")
    #expect(try Self.until { try site.kubectl("get", "lbpool", "office").contains(" 1 ") }, "\(site.logs)")
    #expect(
      try Self.until {
        try site.kubectl(
          "get", "lease", "-n", "kube-system", "swiftlet-announce-192.0.2.100", "-o", "name",
          "--ignore-not-found"
        ).contains("swiftlet-announce")
      }, "\(site.logs)")
    try site.kubectl("delete", "networkpolicy", "closed", "open")
    #expect(try Self.until { try site.node("curl -s -m 1 http://192.0.2.100/").contains("web-") }, "\(site.logs)")

    // The server dies: packets go on. It comes back, and changes do.
    site.cluster.kill()
    try Files.write(answer, "")
    #expect(Self.until { answers().contains("web-") })
    try site.cluster.start()
    try site.kubectl("scale", "deployment/web", "--replicas=3")
    #expect(
      try Self.until {
        let slices = try JSON(
          parsing: site.kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "json"))
        return slices["items"].elements.flatMap { $0["endpoints"].elements }.count { $0["conditions", "ready"] == true }
          == 3
      }, "\(site.logs)")
    try site.kubectl("delete", "service", "web")
    #expect(Self.until { answers() == "none\n" }, "\(answers()) \(site.logs)")
    for name in ["controllers", "agent"] {
      #expect(!site.cluster.log(name).contains("orbidden"), "\(site.cluster.log(name))")
    }
    try site.kubectl("scale", "deployment/web", "--replicas=0")
    try site.kubectl("delete", "pod", "client", "--grace-period=1", "--wait=false")
    #expect(
      try Self.until {
        try site.kubectl("get", "pods", "-o", "name").isEmpty || site.kubectl("get", "pods").contains("No resources")
      }, "\(site.logs)")
  }

  private static func manifests(answer: String) -> String {
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: default}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          terminationGracePeriodSeconds: 1
          containers: [{name: web, image: "web:1", ports: [{containerPort: 8080}]}]
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: default}
    spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: client, namespace: default, labels: {app: client}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: client
        image: host/sh
        command:
        - sh
        - -c
        - while :; do curl -s -m 1 http://web.default.svc.cluster.local/ >\(answer).new || echo none >\(answer).new; mv \(answer).new \(answer); sleep 0.2; done
    """
  }

  private static func policy(_ name: String, ingress: String) -> String {
    """
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: \(name), namespace: default}
    spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: \(ingress)}
    """
  }

  private static func pool(_ name: String, _ addresses: String) -> String {
    """
    apiVersion: swiftlet.dev/v1
    kind: LoadBalancerPool
    metadata: {name: \(name)}
    spec: {addresses: \(addresses)}
    """
  }
}
