import Glibc
import JSON
import Linux
import Testing

@testable import Lab

/// The whole thing as its user has it: the built program, the example's manifests, kubectl, packets. One lab for all of
/// it, since a machine has one.
@Suite(.serialized) struct LabKernelTests {
  private let program: Program

  init() throws { program = try Program() }

  @Test func aLabFromUpToDown() throws {
    let before = try HostNetwork()
    defer { _ = try? program.run("lab", "down") }
    _ = try program.run("lab", "down")

    let up = try program.run("lab", "up", Program.repository + "/examples/shop")
    try #require(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    #expect(up.output.contains(" checks passed in "), "\(up.output)")
    #expect(!up.output.contains("FAIL"))
    #expect(up.output.contains("export KUBECONFIG="))
    #expect(try HostNetwork() == before, "the host's own network got something of the lab")

    let second = try program.run("lab", "up", Program.repository + "/examples/shop")
    #expect(!second.status.isSuccess)
    #expect(second.errorOutput.contains("lab down"), "a second lab up says what to do: \(second.errorOutput)")

    try scale()
    try badInput()
    try Chaos(program).run()

    // Nothing is asked to end before `down`: it must find what a dead supervisor left.
    try program.kill("supervisor")
    let down = try program.run("lab", "down")
    #expect(down.status.isSuccess, "\(down.errorOutput)")
    let left = try program.remains()
    #expect(left == [])
    #expect(try HostNetwork() == before)
    #expect(try program.run("lab", "down").status.isSuccess, "down has nothing to do and says so")
  }

  /// `kubectl scale` up and down changes pods, endpoints, DNS and packets.
  private func scale() throws {
    #expect(try program.kubectl("create", "deployment", "scaled", "--image=any", "--port=8080").status.isSuccess)
    #expect(try program.kubectl("expose", "deployment", "scaled", "--port=80", "--target-port=8080").status.isSuccess)
    var headless: JSON = ["apiVersion": "v1", "kind": "Service", "metadata": ["name": "scaled-headless"]]
    headless["spec"] = ["clusterIP": "None", "selector": ["app": "scaled"], "ports": [["port": 8080]]]
    #expect(try program.kubectl("apply", "-f", "-", input: headless.description).status.isSuccess)
    for replicas in [4, 1, 0, 2] {
      #expect(try program.kubectl("scale", "deployment", "scaled", "--replicas=\(replicas)").status.isSuccess)
      try program.eventually("\(replicas) replicas everywhere") {
        let pods = try program.json("get", "pods", "-l", "app=scaled")["items"].elements
        let addresses = Set(pods.compactMap { $0["status", "podIP"].string })
        let slices = try program.json("get", "endpointslices", "-l", "kubernetes.io/service-name=scaled")["items"]
          .elements
        let endpoints = slices.flatMap { $0["endpoints"].elements }.filter { $0["conditions", "ready"].bool == true }
        guard pods.count == replicas, addresses.count == replicas, endpoints.count == replicas else { return false }
        guard replicas > 0 else { return true }
        let client = pods[0]["metadata", "name"].string ?? ""
        let names = try program.run(
          "lab", "exec", client, "--", "dig", "+short", "scaled-headless.default.svc.cluster.local")
        guard Set(names.output.split(separator: "\n").map(String.init)) == addresses else { return false }
        var answered: Set<String> = []
        for _ in 0..<(replicas * 8) {
          let answer = try program.run("lab", "exec", client, "--", "curl", "-s", "-m", "2", "http://scaled/")
          if let pod = try? JSON(parsing: answer.standardOutput)["pod"].string { answered.insert(pod) }
        }
        return answered == Set(pods.compactMap { $0["metadata", "name"].string })
      }
    }
    #expect(
      try program.kubectl("delete", "deployment/scaled", "service/scaled", "service/scaled-headless").status.isSuccess)
  }

  private func badInput() throws {
    let overlap = try program.run("lab", "up", "--pod-range", "10.96.0.0/14", Program.repository + "/examples/shop")
    #expect(!overlap.status.isSuccess)
    let broken = try program.run("lab", "apply", "-f", "-", input: "kind: Pod\nmetadata:\n  name: [\n")
    #expect(!broken.status.isSuccess)
    #expect(broken.errorOutput.contains("line") || broken.errorOutput.contains(":4"), "\(broken.errorOutput)")
    // One object is wrong, the rest of the manifest is applied.
    let manifest = """
      apiVersion: v1
      kind: Service
      metadata: {name: wrong}
      spec: {ports: [{port: 99999}]}
      ---
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: right}
      """
    let applied = try program.run("lab", "apply", "-f", "-", input: manifest)
    #expect(!applied.status.isSuccess)
    #expect(
      (applied.output + applied.errorOutput).contains("spec.ports[0].port"), "\(applied.output)\(applied.errorOutput)")
    #expect(try program.kubectl("get", "configmap", "right").status.isSuccess)
    let mistyped = manifest.replacing(
      "name: wrong}\nspec: {ports: [{port: 99999}]", with: "name: wrong}\nspec: {prots: []")
    #expect(try program.run("lab", "apply", "-f", "-", input: mistyped).output.contains("unknown field \"spec.prots\""))
    // kubectl goes on where lab up left off. A Secret with stringData never compares equal.
    let again = try program.kubectl("apply", "-f", Program.repository + "/examples/shop")
    let changed = again.output.split(separator: "\n").filter { !$0.hasSuffix(" unchanged") }
    #expect(changed.allSatisfy { $0.hasPrefix("secret/") }, "\(again.output)")
    #expect(again.status.isSuccess && !again.errorOutput.contains("last-applied"), "\(again.errorOutput)")
    #expect(try program.kubectl("delete", "configmap", "right").status.isSuccess)
  }
}

/// What the host's own namespace holds: links, addresses, routes, rules.
private struct HostNetwork: Equatable {
  let parts: [String]

  init() throws {
    parts = try [
      ["ip", "-o", "link"], ["ip", "-o", "addr"], ["ip", "route", "show", "table", "all"], ["nft", "list", "ruleset"],
    ]
    .map { command in
      // Lifetimes count down by themselves.
      let text = try ChildProcess.run(command).output
      return text.split(separator: "\n").map { line in
        line.split(separator: " ").filter { !$0.hasSuffix("sec") }.joined(separator: " ")
      }.joined(separator: "\n")
    }
  }
}
