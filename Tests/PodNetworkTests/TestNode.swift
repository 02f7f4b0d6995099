import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

/// A node of its own: a network namespace, a lease folder, and the built plugin to call in it.
final class TestNode {
  let namespace: NetworkNamespace
  let directory: String
  var configuration: PodNetworkConfiguration

  init(_ podRanges: [String] = ["10.244.1.0/24", "fd00:1::/64"]) throws {
    namespace = try NetworkNamespace.create()
    var template = Array("/tmp/swt-podnet-XXXXXX".utf8CString)
    directory = try #require(mkdtemp(&template).map { String(cString: $0) })
    configuration = PodNetworkConfiguration(
      podRanges: podRanges.map { Prefix($0)! }, serviceRanges: [Prefix("10.96.0.0/16")!], mtu: 1450,
      dataDirectory: directory)
  }

  deinit { try? Files.removeTree(directory) }

  /// The plugin that was built beside the tests.
  static func plugin() throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let own = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // .../debug/swiftletPackageTests.xctest, or a helper of the toolchain that loads it.
    for candidate in [Files.parent(of: own)] + CommandLine.arguments.map({ Files.parent(of: $0) }) {
      if Files.exists("\(candidate)/swiftlet-cni") { return "\(candidate)/swiftlet-cni" }
    }
    throw SystemError("find swiftlet-cni beside the tests; build it first", code: ENOENT)
  }

  struct Pod {
    let id: String
    let namespace: NetworkNamespace
    /// A path of the namespace that other processes can open.
    var path: String { "/proc/\(getpid())/fd/\(namespace.descriptor.raw)" }
    var environment: [String: String] { ["CNI_CONTAINERID": id, "CNI_NETNS": path, "CNI_IFNAME": "eth0"] }
  }

  // The path of a pod's namespace is that of a descriptor: it must stay open while the plugin is at work.
  private var pods: [Pod] = []

  func pod(_ id: String) throws -> Pod {
    let pod = Pod(id: id, namespace: try NetworkNamespace.create())
    pods.append(pod)
    return pod
  }

  func call(
    _ command: String, _ environment: [String: String], previousResult: JSON = .null,
    change: (inout JSON) -> Void = { _ in }
  ) throws -> (status: CInt, output: JSON) {
    var input = configuration.request(previousResult: previousResult)
    change(&input)
    let variables = environment.merging(["CNI_COMMAND": command]) { $1 }
    let result = try ChildProcess.run(
      [try Self.plugin()], input: input.bytes(), environment: variables, namespace: namespace, timeout: 60)
    return (
      result.status.shellCode, result.standardOutput.isEmpty ? .null : try JSON(parsing: result.standardOutput)
    )
  }

  /// ADD that must succeed.
  func add(_ pod: Pod) throws -> JSON {
    let (status, output) = try call("ADD", pod.environment)
    try #require(status == 0, "\(output)")
    return output
  }

  func run(_ command: String, in other: NetworkNamespace? = nil) throws -> ChildProcess.Result {
    try ChildProcess.run(
      command.split(separator: " ").map(String.init), namespace: other ?? namespace, timeout: 60)
  }

  func json(_ command: String, in other: NetworkNamespace? = nil) throws -> JSON {
    let result = try run(command, in: other)
    try #require(result.status.isSuccess, "\(command): \(result.errorOutput)")
    return result.standardOutput.isEmpty ? [] : try JSON(parsing: result.standardOutput)
  }
}

/// The address of a family in a result, without its length.
func address(_ result: JSON, _ family: IPFamily = .v4) -> String {
  for item in result["ips"].elements {
    if let (address, _) = try? Prefix.parseInterface(item["address"].string ?? ""), address.family == family {
      return "\(address)"
    }
  }
  return ""
}
