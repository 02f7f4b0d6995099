import Addressing
import Diagnosis
import Kubernetes
import Linux
import Testing

/// What people write, in options and files, and what is told of what cannot be read.
@Suite struct PlanInputTests {
  static let file = """
    nodeRanges: 192.168.77.0/24
    podRanges: [10.244.0.0/16, "fd12:3456:7890:8000::/56"]
    serviceRanges:
    - 10.96.0.0/16
    - fd12:3456:7890:1::/112
    families: [IPv4, IPv6]
    nodeMask: 25
    nodes: 5
    maximumNodes: 50
    podsPerNode: 60
    services: 200
    surge: 50
    for: [kubeadm, gke]
    avoid:
      office: [172.20.0.0/16, 172.21.0.0/16]
      vpn-berlin: 10.8.0.0/24
      docker: default
    """

  private func parse(_ text: String) throws -> PlanRequest {
    try PlanFile.request(try YAML.parse(text, file: "plan.yaml")[0].value, file: "plan.yaml")
  }

  @Test func aFile() throws {
    let request = try parse(Self.file)
    #expect(request.nodes.map(\.description) == ["node range 192.168.77.0/24 (from plan.yaml, nodeRanges)"])
    #expect(request.pods.map { "\($0.prefix)" } == ["10.244.0.0/16", "fd12:3456:7890:8000::/56"])
    #expect(request.families == [.v4, .v6] && request.nodeMasks == [.v4: 25])
    #expect(request.demand.nodes == 5 && request.demand.maximumNodes == 50 && request.demand.podsPerNode == 60)
    #expect(request.demand.services == 200 && request.demand.surge == 50 && request.targets == [.kubeadm, .gke])
    #expect(
      request.taken.prefix(3).map { "\($0.network.rawValue) \($0.prefix) \($0.source)" } == [
        "office 172.20.0.0/16 plan.yaml, avoid office", "office 172.21.0.0/16 plan.yaml, avoid office",
        "vpn 10.8.0.0/24 plan.yaml, avoid vpn-berlin",
      ])
    #expect(request.taken.dropFirst(3).map(\.prefix) == AddressSpace.dockerPools)
    #expect(request.taken.last?.network == .dockerPool)
  }

  @Test func aListOfNetworks() throws {
    let request = try parse("avoid: [{name: berlin, kind: vpn, ranges: [10.8.0.0/24]}, {name: x, ranges: 10.9.0.0/24}]")
    #expect(request.taken.map(\.network) == [.vpn, .other])
  }

  @Test(arguments: [
    ("[]", "expected an object"), ("podRange: 10.0.0.0/8", "there is no \"podRange\"; known are nodeRanges"),
    ("podRanges: ten", "plan.yaml, podRanges: \"ten\""), ("podRanges: {a: b}", "expected a text or a list"),
    ("podRanges: [1]", "expected texts, found 1"), ("nodes: many", "nodes: found \"many\", expected a number from 1"),
    ("nodes: 0", "expected a number from 1"), ("nodeMask: 33", "from 1 to 32"), ("families: 5", "expected 4, 6, 46"),
    ("families: [IPv5]", "found \"IPv5\""), ("for: openshift", "expected one of kubernetes, kubeadm, eks, gke, aks"),
    ("avoid: {office: []}", "office has no ranges"), ("avoid: 7", "expected names with ranges"),
    ("avoid: [{ranges: 10.0.0.0/8}]", "expected objects with name"),
    ("avoid: [{name: a, ranges: 10.0.0.0/8, kind: moon}]", "found kind \"moon\""),
    ("avoid: {office: 10.0.0.0/33}", "plan.yaml, avoid office: \"10.0.0.0/33\""),
  ]) func badFiles(text: String, problem: String) throws {
    let error = #expect(throws: PlanInputError.self) { try parse(text) }
    #expect(error?.description.contains(problem) == true, "\(error.map(\.description) ?? "")")
  }

  @Test func options() throws {
    let options = try PlanOptions([
      "--pod-range", "10.244.0.1/16,fd12:3456::/56", "--service-range=10.96.0.0/16", "--family", "64", "--node-mask",
      "25",
      "--nodes", "7", "--max-nodes", "70", "--pods-per-node", "50", "--services", "9", "--surge", "10", "--avoid",
      "vnet-prod=10.50.0.0/16,10.51.0.0/16", "--avoid", "docker", "--for", "aks,kubeadm", "--here", "--svg", "plan.svg",
      "-o", "json", "--width", "72",
    ])
    let request = options.request
    #expect(
      request.pods.map { "\($0.written) \($0.prefix)" } == ["10.244.0.1 10.244.0.0/16", "fd12:3456:: fd12:3456::/56"])
    #expect(request.families == [.v6, .v4] && request.nodeMasks == [.v4: 25] && request.targets == [.aks, .kubeadm])
    #expect(request.taken.prefix(2).map(\.network) == [.vpc, .vpc])
    #expect(request.taken.count == 2 + AddressSpace.dockerPools.count)
    #expect(options.surveysMachine && options.isJSON && options.drawing == "plan.svg" && options.width == 72)
    let usual = try PlanOptions([]).request
    #expect(usual.demand.nodes == 3 && usual.demand.podsPerNode == 110 && usual.targets == [.kubeadm])
  }

  @Test func optionsWinOverTheFile() throws {
    let path = "/tmp/swt-plan-file-\(UInt32.random(in: 0...UInt32.max)).yaml"
    try Files.write(path, Self.file)
    defer { try? Files.remove(path) }
    let request = try PlanOptions(["-f", path, "--nodes", "6", "--pod-range", "10.128.0.0/16"]).request
    #expect(request.demand.nodes == 6 && request.demand.maximumNodes == 50)
    #expect(request.pods.map { "\($0.prefix)" } == ["10.128.0.0/16"] && request.services.count == 2)
    try Files.write(path, "nodes: [")
    #expect(throws: PlanInputError.self) { try PlanOptions(["-f", path]) }
    try Files.write(path, "nodes: 1\n---\nnodes: 2\n")
    #expect(throws: PlanInputError.self) { try PlanOptions(["-f", path]) }
    #expect(throws: PlanInputError.self) { try PlanOptions(["-f", path + ".none"]) }
  }

  @Test(arguments: [
    (["extra"], "unexpected \"extra\""), (["--nodes", "0"], "--nodes: found \"0\""),
    (["--nodes", "9", "--max-nodes", "8"], "raise --max-nodes"), (["--emit", "helm"], "expected kubeadm, kind"),
    (["-o", "xml"], "expected text or json"), (["--for", "nomad"], "found \"nomad\""),
    (["--family", "5"], "found \"5\""),
    (["--avoid", "office"], "expected office=PREFIX"), (["--avoid", "office=10/8"], "--avoid office: \"10/8\""),
    (["--pod-range", "10.0.0.0"], "--pod-range: \"10.0.0.0\""), (["--colour"], "unknown option --colour"),
  ]) func badOptions(arguments: [String], problem: String) {
    let error = #expect(throws: (any Error).self) { try PlanOptions(arguments) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(problem), "\(error.map { "\($0)" } ?? "")")
  }
}
