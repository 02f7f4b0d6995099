import Glibc
import JSON
import Kubernetes
import Linux
import Testing

@testable import Lab

/// kubectl → API server → the node's server → a pod in its namespaces, with every protocol that kubectls speak.
@Suite(.serialized) struct PodStreamsKernelTests {
  @Test func thereIsAKubectl() {
    #expect(!StreamCluster.kubectls.isEmpty, "install kubernetes-client, or name a kubectl in the variable KUBECTL")
  }

  private func lines(_ result: ChildProcess.Result) -> [String] {
    result.output.split(separator: "\n").map(String.init)
  }

  @Test func logs() throws {
    let cluster = try StreamCluster("logs")
    defer { cluster.clean() }
    try cluster.run("one", [StreamCluster.shell("c", "for i in 1 2 3 4 5; do echo line $i; done; exec sleep 1000")])
    try cluster.run(
      "two", [StreamCluster.shell("a", "echo of a; exec sleep 1000"), StreamCluster.shell("b", "exec sleep 1000")])
    try cluster.run(
      "again", [StreamCluster.shell("c", "echo run; sleep 1; exit 1")],
      labels: ["app": "again"])
    cluster.node.waitUntil("it has run twice") {
      let pod = (try? cluster.client.find(.pods, namespace: "default", name: "again")) ?? nil
      return pod?.status["containerStatuses"].elements.first?["restartCount"].int ?? 0 > 0
    }
    for program in StreamCluster.kubectls {
      func logs(_ arguments: String...) throws -> ChildProcess.Result {
        try cluster.kubectl(program, ["logs"] + arguments)
      }
      #expect(lines(try logs("one")) == (1...5).map { "line \($0)" })
      #expect(lines(try logs("one", "--tail=2")) == ["line 4", "line 5"])
      #expect(try logs("one", "--tail=0").output == "")
      #expect(lines(try logs("one", "--limit-bytes=8")) == ["line 1", "l"])
      #expect(lines(try logs("one", "--since=1h")).count == 5)
      #expect(try logs("one", "--since-time=2999-01-01T00:00:00Z").output == "")
      for line in lines(try logs("one", "--timestamps")) {
        let parts = line.split(separator: " ", maxSplits: 1)
        let time = try #require(Timestamp(String(parts[0])), "\(line)")
        #expect(abs(Timestamp.now().since(time)) < 600, "\(line)")
        #expect(parts[1].hasPrefix("line "))
      }
      #expect(lines(try logs("two", "--all-containers")) == ["of a"])
      #expect(lines(try logs("two", "-c", "a")) == ["of a"])
      let wrong = try logs("two", "-c", "nobody")
      #expect(!wrong.status.isSuccess)
      #expect(wrong.errorOutput.contains("container nobody is not valid for pod two"), "\(wrong.errorOutput)")
      #expect(lines(try logs("again", "--previous")) == ["run"])
      #expect(lines(try logs("-l", "app=again", "--tail=1")).allSatisfy { $0 == "run" })
      let none = try logs("one", "--previous")
      #expect(none.errorOutput.contains("previous terminated container \"c\" in pod \"one\" not found"), "\(none)")
    }
    let answer = try APIClientProbe.get(cluster, "/api/v1/namespaces/default/pods/two/log")
    #expect(answer["code"] == 400)
    #expect(answer["message"] == "a container name must be specified for pod two, choose one of: [a b]")
    #expect(try APIClientProbe.get(cluster, "/api/v1/namespaces/default/pods/one/log?tailLines=-1")["code"] == 422)
    #expect(try APIClientProbe.get(cluster, "/api/v1/namespaces/default/pods/none/log")["code"] == 404)
  }

  @Test func aLogIsFollowedToTheEndOfItsContainer() throws {
    let cluster = try StreamCluster("follow")
    defer { cluster.clean() }
    for (index, program) in StreamCluster.kubectls.enumerated() {
      try cluster.run(
        "slow\(index)",
        [StreamCluster.shell("c", "for i in 1 2 3; do echo line $i; sleep 1; done; echo end; sleep 1000")])
      let child = try ChildProcess(
        [program, "logs", "-f", "slow\(index)"], environment: cluster.environment,
        standardOutput: .descriptor(try output("\(cluster.node.directory)/out")))
      cluster.node.waitUntil("all lines came") {
        ((try? Files.readText("\(cluster.node.directory)/out")) ?? "").hasSuffix("end\n")
      }
      #expect(child.wait(timeout: 0) == nil, "it goes on as long as the container runs")
      try cluster.client.delete(.pods, namespace: "default", name: "slow\(index)")
      #expect(child.wait(timeout: 30)?.isSuccess == true)
      child.stop()
      #expect(try Files.readText("\(cluster.node.directory)/out") == "line 1\nline 2\nline 3\nend\n")
    }
  }

  private func output(_ path: String) throws -> CInt {
    try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).release()
  }

  @Test func commands() throws {
    let cluster = try StreamCluster("exec")
    defer { cluster.clean() }
    try cluster.run("web", [StreamCluster.shell("c", "exec sleep 1000")])
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
    for program in StreamCluster.kubectls {
      func exec(_ script: String, _ options: [String] = [], input: [UInt8] = []) throws -> ChildProcess.Result {
        try cluster.kubectl(program, ["exec"] + options + ["web", "--", "sh", "-c", script], input: input)
      }
      let both = try exec("hostname; echo wrong >&2; exit 7")
      #expect(both.output == "web\n")
      #expect(both.errorOutput.hasPrefix("wrong\n"), "\(both.errorOutput)")
      #expect(both.errorOutput.contains("command terminated with exit code 7"))
      #expect(both.status == .exited(7))
      #expect(try exec("exit 0").status.isSuccess)
      #expect(try exec("cat", ["-i"], input: bytes).standardOutput == bytes, "\(program)")
      #expect(try exec("kill -9 $$").status == .exited(137))
      let missing = try cluster.kubectl(program, ["exec", "web", "--", "/no/such/program"])
      #expect(missing.status == .exited(127))
      // A process that is left behind and holds the output does not hold the client.
      #expect(try exec("sleep 1000 & echo done").output == "done\n")
      // With -t and no terminal of its own kubectl asks for one all the same (--force), of size 0 by 0.
      let unknown = try cluster.kubectl(program, ["exec", "web", "-c", "nobody", "--", "true"])
      #expect(
        unknown.errorOutput.contains("container nobody is not valid for pod web")
          || unknown.errorOutput.contains("nobody"))
    }
  }

  @Test func aTerminal() throws {
    let cluster = try StreamCluster("tty")
    defer { cluster.clean() }
    try cluster.run("web", [StreamCluster.shell("c", "exec sleep 1000")])
    for program in StreamCluster.kubectls {
      // script(1) gives kubectl a terminal, whose size it hands on.
      let command =
        "stty rows 30 cols 99; \(program) exec -it web -- sh -c 'sleep 1; tty; stty size; echo $TERM; echo err >&2'"
      let result = try ChildProcess.run(
        ["script", "-qec", command, "/dev/null"], environment: cluster.environment, timeout: 60)
      #expect(result.output.contains("/dev/pts/"), "\(result.output)")
      #expect(result.output.contains("30 99"), "\(result.output)")
      #expect(result.output.contains("xterm"))
      #expect(result.output.contains("err"))
    }
  }

  @Test func filesAreCopied() throws {
    let cluster = try StreamCluster("cp")
    defer { cluster.clean() }
    try cluster.run("web", [StreamCluster.shell("c", "exec sleep 1000")])
    let folder = cluster.node.directory
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    try Files.write("\(folder)/there", bytes)
    for program in StreamCluster.kubectls {
      #expect(try cluster.kubectl(program, ["cp", "\(folder)/there", "web:\(folder)/inside"]).status.isSuccess)
      #expect(try cluster.kubectl(program, ["cp", "web:\(folder)/inside", "\(folder)/back"]).status.isSuccess)
      #expect(try Files.read("\(folder)/back") == bytes)
      try Files.remove("\(folder)/inside")
      try Files.remove("\(folder)/back")
    }
  }

  @Test func aClientThatIsKilledTakesItsCommandWithIt() throws {
    let cluster = try StreamCluster("killed")
    defer { cluster.clean() }
    try cluster.run("web", [StreamCluster.shell("c", "exec sleep 1000")])
    let seconds = "\(1_000_000 + Int(getpid()))"
    /// Processes of that very command line, wherever they are.
    func count() throws -> Int {
      let found = try ChildProcess.run(["pgrep", "-c", "-f", "^sleep \(seconds)$"])
      return Int(found.output.split(separator: "\n").first ?? "") ?? -1
    }
    for program in StreamCluster.kubectls {
      let child = try ChildProcess(
        [program, "exec", "web", "--", "sleep", seconds], environment: cluster.environment)
      cluster.node.waitUntil("the command runs") { (try? count()) ?? 0 > 0 }
      child.signal(SIGKILL)
      child.wait()
      cluster.node.waitUntil("the command has ended with its client") { (try? count()) ?? 1 == 0 }
    }
  }

  @Test func portsAreForwarded() throws {
    let cluster = try StreamCluster("forward")
    defer { cluster.clean() }
    try cluster.run(
      "web", [["name": "c", "image": "nginx", "ports": [["containerPort": 8080]]]], labels: ["app": "web"])
    for program in StreamCluster.kubectls {
      let log = "\(cluster.node.directory)/forward.log"
      let child = try ChildProcess(
        [program, "port-forward", "pod/web", ":8080", ":8081"], environment: cluster.environment,
        standardOutput: .descriptor(try output(log)), standardError: .descriptor(try output(log + ".err")))
      defer { child.stop() }
      func port(_ remote: Int) -> String? {
        let lines = ((try? Files.readText(log)) ?? "").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("Forwarding from 127.0.0.1:") && $0.hasSuffix("-> \(remote)") }
        return line.map { $0.dropFirst("Forwarding from 127.0.0.1:".count).prefix { $0.isNumber } }.map(String.init)
      }
      cluster.node.waitUntil("kubectl listens") { port(8081) != nil }
      let open = try #require(port(8080))
      for _ in 0..<5 {
        let answer = try ChildProcess.run(["curl", "-s", "--max-time", "10", "http://127.0.0.1:\(open)/x"])
        #expect(try JSON(parsing: answer.standardOutput)["pod"] == "web", "\(answer)")
      }
      // Several at once through one connection.
      let many = try ChildProcess.run(
        [
          "sh", "-c",
          "for i in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null -w '%{http_code}\\n' --max-time 20 http://127.0.0.1:\(open)/ & done; wait",
        ])
      #expect(lines(many) == Array(repeating: "200", count: 8))
      let closed = try #require(port(8081))
      #expect(
        try !ChildProcess.run(["curl", "-s", "--max-time", "10", "http://127.0.0.1:\(closed)/"]).status.isSuccess)
      cluster.node.waitUntil("kubectl tells why") {
        ((try? Files.readText(log + ".err")) ?? "").contains("inside the pod: connect to 127.0.0.1: Connection refused")
      }
    }
  }

  @Test func nobodyButTheAPIServerIsServedByTheNode() throws {
    let cluster = try StreamCluster("trust")
    defer { cluster.clean() }
    try cluster.run("web", [StreamCluster.shell("c", "exec sleep 1000")])
    let url = "https://127.0.0.1:\(cluster.nodePort)/containerLogs/default/web/c"
    let bare = try ChildProcess.run(["curl", "-sk", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}", url])
    #expect(bare.output == "000", "without a certificate there is no answer")
    let pki = try #require(cluster.server.pki)
    let somebody = try pki.client(user: "somebody", groups: ["system:masters"])
    try Files.write("\(pki.folder)/somebody.crt", somebody.certificate)
    try Files.write("\(pki.folder)/somebody.key", somebody.key)
    func get(_ name: String) throws -> String {
      try ChildProcess.run([
        "curl", "-s", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", "\(pki.folder)/ca.crt",
        "--cert", "\(pki.folder)/\(name).crt", "--key", "\(pki.folder)/\(name).key", url,
      ]).output
    }
    #expect(try get("somebody") == "403")
    #expect(try get("apiserver-kubelet-client") == "200", "the oracle: the same request with the right certificate")
  }

  @Test func aNodeThatIsSilentIsNamed() throws {
    let cluster = try StreamCluster("silent")
    defer { cluster.clean() }
    try cluster.run("web", [StreamCluster.shell("c", "exec sleep 1000")])
    cluster.node.stop()
    let path = "/api/v1/namespaces/default/pods/web/log"
    let dead = try APIClientProbe.get(cluster, path)
    #expect(dead["code"] == 503)
    #expect(
      dead["message"].string?.hasPrefix("error dialing backend: node \"node1\" at 127.0.0.1 port") == true, "\(dead)")
    try cluster.client.patch(
      .nodes, name: "node1", .strategicMerge,
      [
        "status": [
          "conditions": [["type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."]]
        ]
      ],
      subresource: "status")
    let silent = try APIClientProbe.get(cluster, path)
    #expect(
      silent["message"].string
        == "pod \"web\" cannot be reached on its node \"node1\": the node is not ready: Kubelet stopped posting node status."
    )
  }
}

/// A request over HTTPS as the administrator, read as JSON.
enum APIClientProbe {
  static func get(_ cluster: StreamCluster, _ target: String) throws -> JSON {
    let transport = HTTPTransport(try KubeConfig(file: cluster.kubeconfig))
    return try JSON(parsing: transport.send(APIRequest("GET", target)).body)
  }
}
