internal import Addressing
package import Diagnosis
internal import Linux

/// What `swiftlet lab up` is told.
package struct LabUpOptions: Hashable, Sendable {
  /// Files, directories and `-`, in the order they were given.
  package var paths: [String] = []
  package var ranges: RangePlan
  package var nodes = 3
  /// The port on 127.0.0.1; nil lets us take 6443 or, if that is in use, another.
  package var apiPort: Int?
  /// Seconds to wait for every pod to be ready.
  package var timeout = 300
  package var runsChecks = true

  static let known: [CommandLineOptions.Option] = [
    .init("filename", "PATH", letter: "f", "manifests: a file, a directory, or - for standard input; may be repeated"),
    .init("nodes", "N", "nodes that run pods, 1 to 100 (3)"),
    .init("node-range", "CIDR", "addresses of the nodes (192.168.77.0/24)"),
    .init("pod-range", "CIDR", "addresses of the pods, a /24 a node (10.244.0.0/16)"),
    .init("service-range", "CIDR", "addresses of the Services (10.96.0.0/16)"),
    .init("api-port", "PORT", "port of the API on 127.0.0.1 (6443, or another if that is in use)"),
    .init("timeout", "SECONDS", "how long to wait for every pod to be ready (300)"),
    .init("skip-checks", nil, "do not run the checks at the end"),
  ]

  package static let usage = """
    usage: swiftlet lab up [OPTION]… [PATH]…
    Stands a cluster's network up on this machine: a control plane and nodes in network namespaces, and the manifests'
    pods on them. PATH is a file, a directory or - like that of -f.

    \(CommandLineOptions.help(known))
    """

  package init(_ arguments: [String]) throws {
    let given = try CommandLineOptions(arguments, known: Self.known)
    if given.rest != nil { throw UsageError("lab up takes no command after --") }
    paths = given.all("filename") + given.operands
    nodes = try given.integer("nodes", in: 1...100) ?? 3
    apiPort = try given.integer("api-port", in: 1...65535)
    timeout = try given.integer("timeout", in: 1...86400) ?? 300
    runsChecks = !given.has("skip-checks")

    func range(_ role: PlannedRange.Role, _ option: String, _ standard: String) throws(RangePlanError) -> PlannedRange {
      let text = given[option]
      return try PlannedRange(role, parsing: text ?? standard, from: text == nil ? "the default" : "--\(option)")
    }
    ranges = try RangePlan(
      nodes: range(.node, "node-range", "192.168.77.0/24"), pods: range(.pod, "pod-range", "10.244.0.0/16"),
      services: range(.service, "service-range", "10.96.0.0/16"), nodeCount: nodes,
      nodeAddresses: LabConfiguration.nodeAddresses(workers: nodes), taken: [LabConfiguration.outsideRange])
  }
}
