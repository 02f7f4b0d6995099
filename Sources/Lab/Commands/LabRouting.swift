internal import Kubernetes
internal import Linux
internal import NodeRouting

/// `swiftlet lab routing MODE`: another way between nodes, node after node, while the lab's traffic goes on.
enum LabRouting {
  static let usage = """
    usage: swiftlet lab routing MODE
    Switches the lab to another way of carrying pods between nodes: each node's agent is started anew with it, one after
    another. Nodes of both ways reach one another meanwhile. MODE is one of
    \(RoutingMode.allCases.map(\.rawValue).joined(separator: ", ")).
    """

  static func run(_ site: LabSite, _ arguments: [String], _ output: LabOutput) throws -> Int32 {
    guard arguments.count == 1, let text = arguments.first else { throw UsageError("lab routing needs one mode") }
    let mode = try LabUpOptions.mode(text)
    let change = try LabChange(site, output)
    try LabUpOptions.check(mode, change.lab.underlay, change.lab.families)
    try Preflight.tryRouting(mode, change.lab.families)
    // New nodes come with the new mode from here on.
    var lab = change.lab
    lab.routing = mode
    try change.apply(lab, "it is written down") { _ in true }
    for node in change.lab.nodes where node.routing != mode {
      try turn(node, to: mode, change)
      output.line("node \(node.name): \(mode.rawValue)" + (node.state == .killed ? ", once it is started" : ""))
    }
    return 0
  }

  private static func turn(_ node: LabNode, to mode: RoutingMode, _ change: LabChange) throws {
    let process = "agent-\(node.name)"
    let before = ProcessTable(path: change.site.processesFile)?.processes[process]?.identity
    try change.apply(change.setting(node.name, mode), "the agent of \(node.name) is started anew") { table in
      guard node.state != .killed else { return true }
      guard let entry = table.processes[process], entry.identity != before else { return false }
      return ProcessHandle(entry.identity) != nil
    }
    // The node says in its annotations which way it is reached; the next one follows when it does.
    guard node.state == .running else { return }
    try change.wait(30, "node \(node.name) announces \(mode.rawValue)") {
      guard let object = try? change.client.find(.nodes, name: node.name) else { return false }
      return object.annotations[RouteAnnotation.mode] == mode.rawValue
    }
  }
}
