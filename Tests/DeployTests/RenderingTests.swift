import Addressing
import ControlPlane
import Deploy
import JSON
import Kubernetes
import Linux
import NodeAgent
import Testing

@Suite("Manifests") struct RenderingTests {
  static let folder = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/deploy"

  static func options(_ arguments: [String]) throws -> DeployOptions {
    try DeployOptions(CommandLineOptions(arguments, known: DeployOptions.options), version: "1.2.3")
  }

  static let cluster = ["--pod-range=10.244.0.0/16", "--service-range=10.96.0.0/12", "--cluster-dns=10.96.0.10"]
  static let whole = cluster + ["--api-server=192.0.2.10:6443", "--controller=node-ranges"]

  /// The renderings in `deploy/` are what their first line says: run it again to renew them.
  @Test func theFilesAreWhatTheirCommandRenders() throws {
    let files = try Files.list(Self.folder).filter { $0.hasSuffix(".yaml") }
    #expect(files.count >= 6)
    for file in files {
      let text = try Files.readText("\(Self.folder)/\(file)")
      let first = String(text.prefix { $0 != "\n" })
      let command = first.dropFirst("# Rendered by: ".count).split(separator: " ").map(String.init)
      try #require(command.starts(with: ["swiftlet", "deploy"]), "\(file): \(first)")
      let rendered = Manifests(try Self.options(Array(command.dropFirst(2)))).text(
        command: command.joined(separator: " "))
      #expect(rendered == text, "\(file) is not what `\(command.joined(separator: " "))` renders")
    }
  }

  static let selections: [[String]] = [
    whole, cluster + ["--only=pod-network"], cluster + ["--only=policy"], cluster + ["--only", "dns,policy"],
    cluster + ["--only=services", "--api-server=[2001:db8::1]:6443", "--namespace=net"], cluster + ["--only=ingress"],
    ["--only=controllers", "--controller=node-ranges", "--pod-range=10.0.0.0/8", "--node-mask=25"],
    whole + ["--routing=bgp", "--wiring=routed", "--agent-option=bgp-as=65001", "--upstream-dns=9.9.9.9"],
    whole + [
      "--pod-range=fd00:1::/48", "--service-range=fd00:2::/112", "--cluster-dns=fd00:2::a", "--node-range=::/0",
    ],
  ]

  /// Every object is accepted by the API, to the last field, and comes out of it with nothing missing.
  @Test(arguments: selections) func theAPIAcceptsEveryField(arguments: [String]) throws {
    let options = try Self.options(arguments)
    let manifests = Manifests(options)
    let text = manifests.text(command: "x")
    #expect(text == Manifests(try Self.options(arguments)).text(command: "x"))
    let objects = try YAML.parse(text, file: "rendered").map(\.value)
    #expect(objects == manifests.objects)
    let server = try TestServer(serviceRanges: options.serviceRanges)
    for object in objects {
      let object = KubernetesObject(object)
      let type = try #require(ResourceType.known.first { $0.kind == object.kind && $0.apiVersion == object.apiVersion })
      if object.kind != "Namespace", type.isNamespaced, !["kube-system", ""].contains(object.namespace) {
        #expect(object.namespace == options.namespace)
      }
      let client = APIClient(server.server.transport, isStrict: true)
      let stored = try client.create(type, object)
      #expect(Self.missing(object.json, in: stored.json) == [])
    }
  }

  /// Paths of what stands in one value and not, or otherwise, in the other.
  static func missing(_ wanted: JSON, in found: JSON, path: String = "") -> [String] {
    switch wanted {
    case .object(let object):
      return object.members.flatMap { missing($0.value, in: found[$0.key], path: "\(path).\($0.key)") }
    case .array(let values):
      guard values.count == found.elements.count else { return [path] }
      return zip(values, found.elements).enumerated().flatMap { missing($1.0, in: $1.1, path: "\(path)[\($0)]") }
    default: return wanted == found ? [] : ["\(path): \(wanted), found \(found)"]
    }
  }

  /// What is in the ConfigMap is what an agent understands, and says what was asked for.
  @Test(arguments: selections) func agentsUnderstandTheirConfiguration(arguments: [String]) throws {
    let options = try Self.options(arguments)
    for object in Manifests(options).objects where object["kind"] == "ConfigMap" {
      let path = "/tmp/swt-agent-config-\(UInt64.random(in: 0 ... .max)).yaml"
      try Files.write(path, try #require(object["data", "agent.yaml"].string))
      defer { try? Files.remove(path) }
      let parsed = try AgentConfiguration.options(["--config", path, "--node-name", "n1"])
      let settings = try AgentConfiguration(parsed)
      #expect(settings.podRanges == options.podRanges)
      #expect(settings.serviceRanges == options.serviceRanges)
      #expect(settings.health != nil && settings.kubeconfig == nil)
      let isGateway = object["metadata", "name"] == "swiftlet-gateway"
      #expect(settings.isGateway == isGateway)
      let planes = Set(AgentConfiguration.planes).subtracting(settings.disabledPlanes)
      #expect(planes == (isGateway ? ["gateway"] : options.planes))
      if planes.contains("routing") { #expect(settings.routing == options.routing) }
      if planes.contains("dns") { #expect(settings.clusterDNS == options.clusterDNS) }
    }
  }

  @Test func aPartIsNothingButThat() throws {
    func kinds(_ arguments: [String]) throws -> [String] {
      let objects = Manifests(try Self.options(arguments)).objects
      return objects.map { "\($0["kind"].string!) \($0["metadata", "name"].string!)" }
    }
    #expect(
      try kinds(Self.cluster + ["--only=policy"]) == [
        "ServiceAccount swiftlet-agent", "ClusterRole swiftlet-agent", "ClusterRoleBinding swiftlet-agent",
        "ConfigMap swiftlet-agent", "DaemonSet swiftlet-agent",
      ])
    #expect(
      try kinds(["--only=controllers", "--controller=node-ranges", "--pod-range=10.0.0.0/8", "-n", "net"]) == [
        "Namespace net", "ServiceAccount swiftlet-controllers", "ClusterRole swiftlet-controllers",
        "ClusterRoleBinding swiftlet-controllers", "Role swiftlet-controllers", "RoleBinding swiftlet-controllers",
        "Deployment swiftlet-controllers",
      ])
    // Only the pod network touches the runtime's folders, and only what must is privileged.
    func pod(_ arguments: [String]) throws -> JSON {
      try #require(Manifests(try Self.options(arguments)).objects.first { $0["kind"] == "DaemonSet" })[
        "spec", "template"][
          "spec"]
    }
    let network = try pod(Self.cluster + ["--only=pod-network"])
    #expect(network["initContainers"].elements.count == 1)
    #expect(network["containers"].elements[0]["securityContext", "privileged"] == true)
    let policy = try pod(Self.cluster + ["--only=policy"])
    #expect(policy["initContainers"].isNull)
    #expect(policy["containers"].elements[0]["securityContext", "privileged"].isNull)
    #expect(!policy["volumes"].elements.contains { $0["hostPath", "path"].string?.contains("cni") == true })
    for pod in [network, policy] {
      #expect(pod["hostNetwork"] == true && pod["priorityClassName"] == "system-node-critical")
      #expect(pod["tolerations"] == [["operator": "Exists"]])
    }
  }

  @Test func theBGPConfigurationGoesAlong() throws {
    let path = "/tmp/swt-bgp-\(UInt64.random(in: 0 ... .max)).yaml"
    try Files.write(path, "as: 65001\npeers: []\n")
    defer { try? Files.remove(path) }
    let objects = Manifests(try Self.options(Self.whole + ["--routing=bgp", "--bgp-config=\(path)"])).objects
    let map = try #require(objects.first { $0["kind"] == "ConfigMap" })
    #expect(map["data", "bgp.yaml"] == "as: 65001\npeers: []\n")
    #expect(map["data", "agent.yaml"].string?.contains("bgp-config: /etc/swiftlet/bgp.yaml\n") == true)
  }

  /// The Service of the cluster DNS address leads to our name servers, and to CoreDNS where that is still there.
  @Test func theNameServersJoinTheServiceOfCoreDNS() throws {
    let objects = Manifests(try Self.options(Self.cluster + ["--only=dns", "--dns-replicas=3"])).objects
    let service = try #require(objects.first { $0["kind"] == "Service" })
    #expect(service["metadata", "name"] == "kube-dns" && service["metadata", "namespace"] == "kube-system")
    #expect(service["spec", "clusterIP"] == "10.96.0.10")
    let deployment = try #require(objects.first { $0["kind"] == "Deployment" })
    #expect(deployment["spec", "replicas"] == 3)
    let labels = deployment["spec", "template"]["metadata", "labels"].stringMap
    #expect(service["spec", "selector"].stringMap.allSatisfy { labels[$0.key] == $0.value })
  }

  @Test func aChangedConfigurationReplacesThePods() throws {
    func digest(_ arguments: [String]) throws -> JSON {
      let objects = Manifests(try Self.options(arguments)).objects
      return try #require(objects.first { $0["kind"] == "DaemonSet" })["spec", "template"]["metadata", "annotations"]
    }
    #expect(try digest(Self.whole) == digest(Self.whole))
    #expect(try digest(Self.whole) != digest(Self.whole + ["--routing=host-gw"]))
  }

  @Test(arguments: [
    (["--only=pod-network"], "--pod-range is missing"),
    (["--only=pod-network", "--pod-range=10.0.0.0/8"], "--service-range is missing"),
    (cluster + ["--only=services"], "--api-server is missing"),
    (["--only=dns", "--pod-range=10.0.0.0/8", "--service-range=10.96.0.0/12"], "--cluster-dns is missing"),
    (["--only=everything"], "there is no part \"everything\"; known are pod-network"),
    (whole + ["--routing=gre"], "there is no mode gre"), (whole + ["--api-server=host"], "expected HOST:PORT"),
    (whole + ["--api-server=2001:db8::1:6443"], "expected HOST:PORT"),
    (whole + ["--controller=magic"], "there is no controller magic"),
    (["--only=controllers", "--controller=node-ranges"], "--pod-range is missing"),
    (whole + ["--pod-range=10.0.0.0/33"], "--pod-range"), (whole + ["--bgp-config=/nonexistent"], "--bgp-config: "),
    (whole + ["--bgp-config=/dev/null"], "it is for --routing bgp, found vxlan"),
  ])
  func whatCannotWorkIsSaid(arguments: [String], message: String) {
    let error = #expect(throws: UsageError.self) { try Self.options(arguments) }
    #expect(error?.description.contains(message) == true, "\(error as Any)")
  }
}
