import Glibc
import JSON
import Kubernetes
import Linux
import Testing

@testable import Lab

/// A Deployment is replaced pod by pod while a client asks its Service without a pause, each request on a connection of its
/// own: none may fail.
@Suite(.serialized) struct RolloutKernelTests {
  private let program: Program

  init() throws { program = try Program("r") }

  private static let manifest = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      replicas: 3
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          terminationGracePeriodSeconds: 20
          containers:
          - name: main
            image: example/any
            ports: [{containerPort: 8080}]
            readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
            lifecycle: {preStop: {sleep: {seconds: 2}}}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: client}
    spec: {containers: [{name: main, image: example/any}]}

    """

  /// Asks from three threads until its standard input ends; says how many answers it got from how many pods, and what
  /// failed.
  private static let client = """
    import http.client, json, sys, threading
    ended = threading.Event()
    lock = threading.Lock()
    answers, pods, failures = 0, set(), []
    def ask():
        global answers
        while not ended.is_set():
            try:
                connection = http.client.HTTPConnection(sys.argv[1], 80, timeout=5)
                connection.request("GET", "/")
                body = json.loads(connection.getresponse().read())
                connection.close()
                with lock:
                    answers += 1
                    pods.add(body["pod"])
            except Exception as error:
                with lock: failures.append(repr(error))
            ended.wait(0.005)
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads: thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads: thread.join()
    print(json.dumps({"answers": answers, "pods": len(pods), "failures": failures}))
    """

  @Test func aRollingRestartLosesNothing() throws {
    defer { _ = try? program.run("lab", "down") }
    let up = try program.run("lab", "up", "--nodes", "2", "--skip-checks", "-f", "-", input: Self.manifest)
    try #require(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    let api = try LabAccess.client(program.site)
    let address = try #require(
      try api.get(.services, namespace: "default", name: "web").spec["clusterIP"].string)
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let output = "/tmp/swt-lab-rollout.\(getpid())"
    defer { unlink(output) }
    let file = try FileDescriptor.open(output, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
    let client = try ChildProcess(
      [program.path, "lab", "exec", "client", "--", "python3", "-c", Self.client, address],
      environment: program.environment,
      standardInput: .descriptor(ends[0]), standardOutput: .descriptor(file.raw), standardError: .descriptor(file.raw))
    close(ends[0])
    sleep(1)
    var sawServingWhileTerminating = false
    for round in 1...2 {
      try restart(api, round)
      try program.eventually("round \(round) is rolled out") {
        let slices = try api.list(
          .endpointSlices,
          ListOptions(namespace: "default", labelSelector: "kubernetes.io/service-name=web")
        ).items
        let conditions = slices.flatMap { $0.json["endpoints"].elements }.map { $0["conditions"] }
        if conditions.contains(["ready": false, "serving": true, "terminating": true]) {
          sawServingWhileTerminating = true
        }
        let pods = try api.list(.pods, ListOptions(namespace: "default", labelSelector: "app=web")).items
        return pods.count == 3 && pods.allSatisfy { $0.annotations["round"] == "\(round)" && $0.isTrue("Ready") }
      }
    }
    #expect(sawServingWhileTerminating, "no endpoint was ever serving and terminating")
    sleep(1)
    close(ends[1])
    let status = client.wait(timeout: 30)
    let said = try Files.readText(output)
    #expect(status?.isSuccess == true, "\(said)")
    let result = try JSON(parsing: said)
    #expect(result["failures"].elements.isEmpty, "\(said)")
    #expect(result["answers"].int ?? 0 > 500, "\(said)")
    #expect(result["pods"].int ?? 0 >= 9, "not every pod was asked: \(said)")
    print("rolling restart: \(said)")
  }

  /// A node is switched off: its endpoints leave the Service, its pods come up elsewhere, and once it is back nothing of
  /// its former pods is left.
  @Test func aDeadNodesEndpointsAreWithdrawn() throws {
    defer { _ = try? program.run("lab", "down") }
    let tolerated = "{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2}"
    let manifest = Self.manifest
      .replacing("terminationGracePeriodSeconds: 20", with: "tolerations: [\(tolerated)]")
      .replacing(
        "spec: {containers: [{name: main, image: example/any}]}",
        with: "spec: {nodeName: node1, containers: [{name: main, image: example/any}]}")
    let up = try program.run("lab", "up", "--nodes", "2", "--skip-checks", "-f", "-", input: manifest)
    try #require(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    let api = try LabAccess.client(program.site)
    func pods() throws -> [KubernetesObject] {
      try api.list(.pods, ListOptions(namespace: "default", labelSelector: "app=web")).items
    }
    let lost = try pods().filter { $0.spec["nodeName"].string == "node2" }
    try #require(!lost.isEmpty, "no pod is on node2")
    try #require(try program.run("lab", "node", "kill", "node2").status.isSuccess)
    try program.eventually("three pods on the node that is left") {
      try pods().count { $0.spec["nodeName"].string == "node1" && $0.isTrue("Ready") && !$0.isTerminating } == 3
    }
    try program.eventually("every request is answered") {
      try (0..<20).allSatisfy { _ in try program.answer("client", "http://web/") != nil }
    }
    // Nobody can say that the node's processes have ended: the objects wait for it.
    #expect(try pods().count(where: \.isTerminating) == lost.count)
    try #require(try program.run("lab", "node", "start", "node2").status.isSuccess)
    try program.eventually("the node is back and its former pods are gone") {
      let node = try api.get(.nodes, name: "node2")
      return try node.isTrue("Ready") && node.spec["taints"].elements.isEmpty && pods().count == 3
    }
  }

  private func restart(_ api: APIClient, _ round: Int) throws {
    try api.patch(
      .deployments, namespace: "default", name: "web", .strategicMerge,
      ["spec": ["template": ["metadata": ["annotations": ["round": .string("\(round)")]]]]])
  }
}
