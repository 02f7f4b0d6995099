internal import Linux
internal import NodeAgent

/// `swiftlet lab services BACKEND`: Services held in the kernel another way, while the lab's traffic goes on.
enum LabServices {
  static let usage = """
    usage: swiftlet lab services BACKEND
    Switches the lab's Services to another back end: the agents are started anew with it. No new connection is lost.
    BACKEND is one of \(LabConfiguration.servicesBackends.joined(separator: ", ")).
    """

  static func run(_ site: LabSite, _ arguments: [String], _ output: LabOutput) throws -> Int32 {
    guard arguments.count == 1, let backend = arguments.first else {
      throw UsageError("lab services needs one back end")
    }
    guard LabConfiguration.servicesBackends.contains(backend) else {
      throw UsageError(
        "lab services: there is no back end \(backend); known are "
          + LabConfiguration.servicesBackends.joined(separator: ", "))
    }
    let change = try LabChange(site, output)
    if change.lab.servicesBackend == backend {
      output.line("Services are by \(backend) already")
      return 0
    }
    let running = change.lab.nodes.filter { $0.state != .killed }
    let before = ProcessTable(path: site.processesFile)?.processes
    var lab = change.lab
    lab.servicesBackend = backend
    try change.apply(lab, "the agents are started anew") { table in
      running.allSatisfy { node in
        guard let entry = table.processes["agent-\(node.name)"] else { return false }
        return entry.identity != before?["agent-\(node.name)"]?.identity && ProcessHandle(entry.identity) != nil
      }
    }
    // One that is cut off from the API knows of no Service until it is connected again.
    for node in running where node.state == .running {
      let agent = AgentStatusClient(stateDirectory: site.agentState(node.name))
      try change.wait(30, "node \(node.name) has its Services by \(backend)") {
        guard let status = try? agent.status() else { return false }
        return status["planes"].elements.contains { $0["name"] == "services" && $0["synced"].bool == true }
      }
    }
    output.line("Services are by \(backend)")
    return 0
  }
}
