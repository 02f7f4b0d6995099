import Glibc
import JSON
import Linux
import Testing

@testable import Lab

/// Services by another back end than nftables in a whole lab, and from one to another while its pods talk.
@Suite(.serialized) struct LabServicesKernelTests {
  private let program: Program

  init() throws { program = try Program("s") }

  /// New connections to address port 80 all the time, and requests on one that stays open, until standard input ends.
  /// Prints how many of each were answered; an error ends it.
  private static let client = """
    import select, socket, sys
    def ask(s, more):
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n" + more + b"\\r\\n")
        data = b""
        while b"\\r\\n\\r\\n" not in data: data += s.recv(65536) or sys.exit("closed without an answer")
        head, body = data.split(b"\\r\\n\\r\\n", 1)
        length = int([l for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length:")][0].split(b":")[1])
        while len(body) < length: body += s.recv(65536) or sys.exit("closed within an answer")
    def opened():
        return socket.create_connection((sys.argv[1], 80), 5)
    count, kept = 0, opened()
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        with opened() as s: ask(s, b"Connection: close\\r\\n")
        ask(kept, b"")
        count += 1
    print(count)
    """

  /// What of each back end a node has.
  private func traces(_ node: String) throws -> [String] {
    var found: [String] = []
    if try program.onNode(node, "nft", "list", "tables").output.contains("swiftlet-services") {
      found.append("nftables")
    }
    for variant in ["nft", "legacy"] {
      let rules = try program.onNode(node, "iptables-\(variant)-save").output
      if rules.contains("KUBE-SVC-") { found.append("iptables-\(variant)") }
    }
    return found
  }

  /// Status and body of what a node's agent answers.
  private func ask(_ node: String, _ port: Int, _ path: String) throws -> (status: String, body: String) {
    let answer = try program.onNode(
      node, "curl", "-s", "-m", "10", "-w", "\n%{http_code}", "http://127.0.0.1:\(port)/\(path)"
    ).output.split(separator: "\n")
    return (String(answer.last ?? ""), answer.dropLast().joined(separator: "\n"))
  }

  /// What load balancers and people ask, over HTTP.
  private func health() throws {
    let service: JSON = [
      "apiVersion": "v1", "kind": "Service", "metadata": ["name": "local", "namespace": "shop"],
      "spec": [
        "type": "LoadBalancer", "externalTrafficPolicy": "Local", "selector": ["app": "local"],
        "ports": [["port": 80, "targetPort": 8080]],
      ],
    ]
    let pod: JSON = [
      "apiVersion": "v1", "kind": "Pod",
      "metadata": ["name": "local", "namespace": "shop", "labels": ["app": "local"]],
      "spec": [
        "nodeName": "node1",
        "containers": [["name": "main", "image": "example/any", "ports": [["containerPort": 8080]]]],
      ],
    ]
    for object in [service, pod] {
      try #require(try program.run("lab", "apply", "-f", "-", input: object.description).status.isSuccess)
    }
    let made = try program.json("get", "service", "-n", "shop", "local")
    let port = Int(try #require(made["spec", "healthCheckNodePort"].int))
    try program.eventually("node1 says that it has an endpoint") { try ask("node1", port, "").status == "200" }
    #expect(try ask("node1", port, "").body.contains("\"localEndpoints\":1"))
    #expect(try ask("node2", port, "").status == "503")
    for path in ["healthz", "livez"] { #expect(try ask("node1", 10256, path).status == "200", "\(path)") }
    let metrics = try ask("node1", 10249, "metrics").body.split(separator: "\n")
    // The pod became an endpoint while the agent ran.
    let programmed = metrics.first {
      $0.hasPrefix("kubeproxy_network_programming_duration_seconds_count{ip_family=\"IPv4\"}")
    }
    #expect((programmed?.split(separator: " ").last).flatMap { Int($0) } ?? 0 > 0, "\(String(describing: programmed))")
  }

  /// Every back end counts what the talking pod does, on the pod's node.
  private func shownInFull(by mode: String, _ address: String) throws {
    try program.eventually("\(mode) counts connections to the Service and to each endpoint") {
      try ["node1", "node2"].contains { node in
        let answer = try JSON(
          parsing: program.run("show", "services", "-n", "shop", "catalog", "--node", node, "-o", "json").standardOutput
        )
        let service = answer["services"][0]
        let frontend = service["frontends"].elements.first { $0["frontend"].string?.hasPrefix(address) == true }
        let backends = service["backends"].elements
        return answer["backend"].string == mode && frontend?["hits"].int ?? 0 > 0 && !backends.isEmpty
          && backends.allSatisfy { $0["use"] == "used" && $0["state"] == "ready" && $0["hits"].int != nil }
          && backends.contains { $0["hits"].int ?? 0 > 0 }
      }
    }
  }

  @Test func aLabSwitchesWhileItsPodsTalk() throws {
    defer { _ = try? program.run("lab", "down") }
    let up = try program.run(
      "lab", "up", "--nodes", "2", "--services-backend", "iptables-legacy", Program.repository + "/examples/shop")
    try #require(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    #expect(up.output.contains(" checks passed in ") && !up.output.contains("FAIL"), "\(up.output)")
    #expect(try traces("node1") == ["iptables-legacy"])
    try health()

    let pods = try program.json("get", "pods", "-n", "shop", "-l", "app=web")["items"].elements
    let pod = try #require(pods.first?["metadata", "name"].string)
    let address = try #require(try program.json("get", "service", "-n", "shop", "catalog")["spec", "clusterIP"].string)
    let client = try TalkingPod(program, namespace: "shop", pod, Self.client, address)
    for backend in ["nftables", "iptables-nft", "nftables", "iptables-legacy", "iptables-nft", "nftables"] {
      let switched = try program.run("lab", "services", backend)
      #expect(switched.status.isSuccess, "\(backend): \(switched.output)\(switched.errorOutput)")
      for node in ["control", "node1", "node2"] { #expect(try traces(node) == [backend], "\(node)") }
      let mode = String(backend.prefix { $0 != "-" })
      #expect(try ask("node1", 10249, "proxyMode") == (status: "200", body: mode))
      let shown = try program.run("show", "services", "-n", "shop", "catalog", "--node", "node1").output
      #expect(shown.contains("node node1, \(mode)\n") && shown.contains(address), "\(shown)")
      try shownInFull(by: mode, address)
    }
    let (isWell, said) = try client.stop()
    #expect(isWell, "a connection was lost: \(said)")
    #expect((Int(said.split(separator: "\n").last ?? "") ?? 0) > 100, "\(said)")

    let check = try program.run("lab", "check")
    #expect(check.status.isSuccess, "\(check.output)")
    let unknown = try program.run("lab", "services", "ebpf")
    #expect(!unknown.status.isSuccess && unknown.errorOutput.contains("known are nftables, iptables"))
    #expect(try program.run("lab", "down").status.isSuccess)
    #expect(try program.remains() == [])
  }
}
