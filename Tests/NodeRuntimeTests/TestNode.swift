import Addressing
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

@testable import Lab

/// A node in a network namespace of its own, with Debian's CNI plugins and an API in memory.
final class TestNode {
  let directory: String
  let namespace: NetworkNamespace
  let api = MemoryAPI()
  var configuration: NodeRuntimeConfiguration
  private(set) var runtime: NodeRuntime?
  let lines = Lines()

  final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var text: String { lines.withLock { $0.joined(separator: "\n") } }
  }

  /// - Parameters:
  ///   - path: where the namespace is bound, so that it outlives this process.
  ///   - isExisting: go on with what another process left in the directory and the namespace.
  init(
    _ name: String, withNetwork: Bool = true, directory: String? = nil, boundTo path: String? = nil,
    isExisting: Bool = false
  ) throws {
    self.directory = directory ?? "/tmp/swt-runtime-\(name)-\(getpid())"
    if !isExisting { try? Files.removeTree(self.directory) }
    namespace =
      isExisting ? try NetworkNamespace(path: try #require(path)) : try NetworkNamespace.create(boundTo: path)
    let directory = self.directory
    configuration = NodeRuntimeConfiguration(
      nodeName: "node1", nodeAddresses: [IPAddress("192.168.77.11")!], stateDirectory: "\(directory)/state",
      networkConfigurationDirectory: "\(directory)/cni", networkBinaryDirectories: ["/usr/lib/cni"],
      pauseProgram: try Self.pauseProgram, clusterDNS: [IPAddress("10.96.0.10")!])
    configuration.namespace = namespace
    configuration.restartBackoff = RestartBackoff(base: 0.4, maximum: 2)
    let lines = self.lines
    configuration.log = { lines.add($0) }
    try Files.makeDirectories(configuration.networkConfigurationDirectory)
    if withNetwork { try writeNetwork() }
    if let mount = try? ControlGroup.mountPoint() {
      let group = "\(mount)/\(directory.split(separator: "/").last ?? "")"
      try Files.makeDirectories(group)
      configuration.controlGroup = group
    }
    if isExisting { return }
    #expect(try run(["ip", "link", "set", "lo", "up"]).status.isSuccess)
    #expect(try run(["ip", "address", "add", "192.168.77.11/32", "dev", "lo"]).status.isSuccess)
  }

  static var pauseProgram: String {
    get throws {
      for argument in CommandLine.arguments where argument.contains("/") {
        let path = Files.parent(of: argument) + "/swiftlet-pause"
        if Files.exists(path) { return path }
      }
      let fallback = ".build/debug/swiftlet-pause"
      return try #require(realpath(fallback, nil).map { String(cString: $0) }, "build swiftlet-pause first")
    }
  }

  func writeNetwork() throws {
    let list: JSON = [
      "cniVersion": "1.0.0", "name": "swiftlet",
      "plugins": [
        [
          "type": "bridge", "bridge": "cni0", "isGateway": true,
          "ipam": [
            "type": "host-local", "dataDir": .string("\(directory)/leases"),
            "ranges": [[["subnet": "10.244.1.0/24"]]], "routes": [["dst": "0.0.0.0/0"]],
          ],
        ]
      ],
    ]
    try Files.write("\(configuration.networkConfigurationDirectory)/10-swiftlet.conflist", list.bytes())
  }

  func start(_ transport: (any APITransport)? = nil) throws {
    let runtime = try NodeRuntime(configuration, client: APIClient(transport ?? api))
    runtime.start()
    self.runtime = runtime
  }

  func stop() {
    runtime?.stop()
    runtime = nil
  }

  /// Ends everything, also after a failure.
  func clean() {
    stop()
    if let path = configuration.controlGroup {
      let group = ControlGroup(path: path)
      _ = try? group.kill()
      try? group.remove()
    }
    for directory in PodDirectory.all(stateDirectory: configuration.stateDirectory) {
      if let process = directory.sandbox() { kill(process.pid, SIGKILL) }
    }
    try? Files.removeTree(directory)
  }

  /// Runs a program in the node's namespace.
  func run(_ command: [String]) throws -> ChildProcess.Result {
    try ChildProcess.run(command, namespace: namespace, timeout: 15)
  }

  func createPod(_ name: String, _ spec: JSON, annotations: [String: String] = [:]) {
    var pod: JSON = [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "namespace": "shop"], "spec": spec,
      "status": ["phase": "Pending"],
    ]
    pod["spec", "nodeName"] = "node1"
    if !annotations.isEmpty { pod["metadata", "annotations"] = JSON(stringMap: annotations) }
    api.put("/api/v1/namespaces/shop/pods/\(name)", pod)
  }

  /// Marks a pod as deleted, as the API does for one that is bound to a node.
  func deletePod(_ name: String, grace: Int) throws {
    var pod = try #require(api.pod(name))
    pod["metadata", "deletionTimestamp"] = .string(Timestamp.now().description)
    pod["metadata", "deletionGracePeriodSeconds"] = .int(Int64(grace))
    api.put("/api/v1/namespaces/shop/pods/\(name)", pod)
  }

  /// Waits until a pod is as wanted; the pod then. A generous limit that only ends a test that has failed.
  @discardableResult
  func waitForPod(
    _ name: String, _ what: String, limit: Double = 20, location: SourceLocation = #_sourceLocation,
    _ condition: (JSON) -> Bool
  ) throws -> JSON {
    let deadline = Time.monotonicSeconds + limit
    while Time.monotonicSeconds < deadline {
      if let pod = api.pod(name), condition(pod) { return pod }
      usleep(10_000)
    }
    let pod = try #require(
      api.pod(name), "pod \(name) is gone, expected: \(what)\n\(lines.text)", sourceLocation: location)
    Issue.record(
      "pod \(name) did not become: \(what)\n\(pod["status"].prettyDescription())\n\(lines.text)",
      sourceLocation: location)
    return pod
  }

  func waitUntil(
    _ what: String, limit: Double = 20, location: SourceLocation = #_sourceLocation, _ condition: () -> Bool
  ) {
    let deadline = Time.monotonicSeconds + limit
    while Time.monotonicSeconds < deadline {
      if condition() { return }
      usleep(10_000)
    }
    Issue.record("not within \(limit) s: \(what)\n\(lines.text)", sourceLocation: location)
  }

  func podDirectory(_ pod: JSON) -> PodDirectory {
    PodDirectory(stateDirectory: configuration.stateDirectory, uid: PodManifest(pod).uid)
  }
}

extension JSON {
  func condition(_ type: String) -> String? {
    self["status", "conditions"].elements.first { $0["type"].string == type }?["status"].string
  }
  var isReadyPod: Bool { condition("Ready") == "True" }
  var podIP: String? { self["status", "podIP"].string }
  func container(_ name: String) -> JSON {
    self["status", "containerStatuses"].elements.first { $0["name"].string == name } ?? .null
  }
}
