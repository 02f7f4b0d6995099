import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

/// A node with pods that the built plugin wired, and a machine outside: namespaces, a lease folder, and python programs in
/// them that know nothing of our code.
///
/// br_netfilter is off for all bridges of the node, and its reverse path filter is strict: both are the harder case.
final class WiredNode {
  struct Pod {
    let name: String
    let namespace: NetworkNamespace
    var result = JSON.null
    /// A path of the namespace that other processes can open.
    var path: String { "/proc/\(getpid())/fd/\(namespace.descriptor.raw)" }
    var environment: [String: String] { ["CNI_CONTAINERID": name, "CNI_NETNS": path, "CNI_IFNAME": "eth0"] }

    func address(_ family: IPFamily) -> String {
      for item in result["ips"].elements {
        if let (address, _) = try? Prefix.parseInterface(item["address"].string ?? ""), address.family == family {
          return "\(address)"
        }
      }
      return ""
    }
    var mac: String { result["interfaces"].elements.first { $0["name"] == "eth0" }?["mac"].string ?? "" }
    var hostName: String {
      result["interfaces"].elements.first { ($0["name"].string ?? "").hasPrefix("veth") }?["name"].string ?? ""
    }
  }

  let namespace: NetworkNamespace
  let world: NetworkNamespace
  let directory: String
  let families: [IPFamily]
  var configuration: PodNetworkConfiguration
  private(set) var pods: [Pod] = []
  private var processes: [ChildProcess] = []

  static func podRange(_ family: IPFamily) -> Prefix { Prefix(family == .v4 ? "10.244.1.0/24" : "fd00:1::/64")! }
  static func serviceRange(_ family: IPFamily) -> Prefix { Prefix(family == .v4 ? "10.96.0.0/16" : "fd00:96::/112")! }
  static func gateway(_ family: IPFamily) -> String { family == .v4 ? "10.244.1.1" : "fd00:1::1" }
  static func outside(_ family: IPFamily) -> String { family == .v4 ? "192.0.2.2" : "2001:db8::2" }

  init(_ wiring: WiringMode, _ families: [IPFamily] = IPFamily.allCases) throws {
    namespace = try NetworkNamespace.create()
    world = try NetworkNamespace.create()
    self.families = families
    var template = Array("/tmp/swt-wiring-XXXXXX".utf8CString)
    directory = try #require(mkdtemp(&template).map { String(cString: $0) })
    configuration = PodNetworkConfiguration(
      podRanges: families.map(Self.podRange), serviceRanges: families.map(Self.serviceRange), mtu: 1450,
      wiring: wiring, dataDirectory: directory)
    for (name, value) in [("net/ipv4/conf/all/rp_filter", "1"), ("net/ipv4/conf/default/rp_filter", "1")] {
      try namespace.setSysctl(name, value)
    }
    for name in ["iptables", "ip6tables"] { try namespace.setSysctl("net/bridge/bridge-nf-call-\(name)", "0") }
    try run("ip link set lo up")
    try run("ip link add up0 type veth peer name eth0 netns /proc/\(getpid())/fd/\(world.descriptor.raw)")
    for command in ["addr add 192.0.2.1/24 dev up0", "addr add 2001:db8::1/64 dev up0 nodad", "link set up0 up"] {
      try run("ip \(command)")
    }
    for command in [
      "link set lo up", "addr add 192.0.2.2/24 dev eth0", "addr add 2001:db8::2/64 dev eth0 nodad", "link set eth0 up",
      "route add default via 192.0.2.1", "route add default via 2001:db8::1",
    ] { try run("ip \(command)", in: world) }
  }

  deinit {
    for process in processes {
      kill(-process.pid, SIGKILL)
      process.wait()
    }
    try? Files.removeTree(directory)
  }

  /// The plugin that was built beside the tests.
  static func plugin() throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let own = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    for candidate in [Files.parent(of: own)] + CommandLine.arguments.map({ Files.parent(of: $0) }) {
      if Files.exists("\(candidate)/swiftlet-cni") { return "\(candidate)/swiftlet-cni" }
    }
    throw SystemError("find swiftlet-cni beside the tests; build it first", code: ENOENT)
  }

  func call(_ command: String, _ environment: [String: String] = [:], change: (inout JSON) -> Void = { _ in }) throws
    -> (status: CInt, output: JSON)
  {
    var input = configuration.request()
    change(&input)
    let result = try ChildProcess.run(
      [try Self.plugin()], input: input.bytes(),
      environment: environment.merging(["CNI_COMMAND": command]) { $1 }, namespace: namespace, timeout: 60)
    let output = result.standardOutput.isEmpty ? JSON.null : try JSON(parsing: result.standardOutput)
    return (result.status.shellCode, output)
  }

  /// Adds a pod, which must succeed.
  func add(_ name: String) throws -> Pod {
    var pod = Pod(name: name, namespace: try NetworkNamespace.create())
    pods.append(pod)
    let (status, output) = try call("ADD", pod.environment)
    try #require(status == 0, "\(output)")
    pod.result = output
    pods[pods.count - 1] = pod
    return pod
  }

  func delete(_ pod: Pod) throws {
    let (status, output) = try call("DEL", pod.environment) { $0["prevResult"] = pod.result }
    #expect(status == 0, "\(output)")
  }

  func check(_ pod: Pod) throws -> (status: CInt, output: JSON) {
    try call("CHECK", pod.environment) { $0["prevResult"] = pod.result }
  }

  /// Runs a command on the node, or elsewhere.
  @discardableResult
  func run(_ command: String, in other: NetworkNamespace? = nil) throws -> ChildProcess.Result {
    try ChildProcess.run(
      command.split(separator: " ").map(String.init), namespace: other ?? namespace, timeout: 60)
  }

  func json(_ command: String, in other: NetworkNamespace? = nil) throws -> JSON {
    let result = try run(command, in: other)
    try #require(result.status.isSuccess, "\(command): \(result.errorOutput)")
    return result.standardOutput.isEmpty ? [] : try JSON(parsing: result.standardOutput)
  }

  func python(_ script: String, _ arguments: [String], in place: NetworkNamespace) throws -> String {
    let result = try ChildProcess.run(
      ["/usr/bin/python3", "-c", script] + arguments, namespace: place, timeout: 60)
    return result.output + result.errorOutput
  }

  /// Starts a program that ends with this object.
  func start(_ script: String, _ arguments: [String], in place: NetworkNamespace) throws
    -> ChildProcess
  {
    let process = try ChildProcess(
      ["/usr/bin/python3", "-c", script] + arguments, standardError: .null, namespace: place, newSession: true)
    processes.append(process)
    return process
  }

  /// A server in a pod that answers TCP and UDP at port 8080 with its name and who asks; returns when it listens.
  func serve(_ pod: Pod) throws {
    _ = try start(Scripts.server, [pod.name, "8080"], in: pod.namespace)
    for _ in 0..<500 {
      if try run("ss -Hltn sport = :8080", in: pod.namespace).output.contains("8080") { return }
      usleep(10_000)
    }
  }

  /// What a server answered: `b 10.244.1.2`, or the name of an error.
  func ask(_ mode: String, _ address: String, _ port: Int = 8080, from place: NetworkNamespace, patience: Double = 10)
    throws
    -> String
  {
    String(try python(Scripts.client, [mode, address, "\(port)", "\(patience)"], in: place).prefix { $0 != "\n" })
  }
}
