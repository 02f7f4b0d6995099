internal import Addressing
internal import Diagnosis
internal import JSON
internal import Kubernetes
internal import Linux

/// `swiftlet lab status`: what of the lab is there and how it is.
enum LabStatus {
  static let usage = """
    usage: swiftlet lab status
    Shows the lab's processes, nodes, pods and Services. The exit status is 0 if all of it is well.
    """

  static func run(_ site: LabSite, _ output: LabOutput) throws -> Int32 {
    let inventory = try LabInventory(site)
    if inventory.isEmpty {
      output.line("there is no lab on this machine; make one with `swiftlet lab up MANIFESTS`")
      return 3
    }
    let lab = try? LabConfiguration(site: site)
    var isWell = lab != nil
    if let lab {
      func list(_ ranges: [PlannedRange]) -> String { ranges.map(\.prefix.description).joined(separator: " and ") }
      output.line(
        "nodes on \(list(lab.ranges.nodeRanges)), pods on \(list(lab.ranges.podRanges)), "
          + "Services on \(list(lab.ranges.serviceRanges))")
      output.line(network(lab))
      for node in lab.nodes where node.state != .running {
        output.line(
          node.state == .killed
            ? "node \(node.name) is off; `swiftlet lab node start \(node.name)` starts it"
            : "node \(node.name) is cut off; `swiftlet lab node partition \(node.name) --heal` connects it again")
      }
      output.line("")
      let (table, allRun) = processes(ProcessTable(path: site.processesFile), lab, site, inventory)
      output.line(table)
      isWell = allRun
    } else {
      output.line("the remains of a lab are here; remove them with `swiftlet lab down`")
    }
    if inventory.supervisor == nil && lab != nil {
      output.line("the supervisor is gone: what ends now is not started again; `swiftlet lab resume` starts it anew")
    }
    do {
      let client = try LabAccess.client(site)
      try LabSummary.write(client, output, lab)
      let readiness = try Readiness(client)
      for item in readiness.awaited { output.line("awaited: \(item)") }
      isWell = isWell && readiness.isReached
    } catch {
      output.line("the API does not answer: \(error)")
      isWell = false
    }
    output.line("export KUBECONFIG=\(site.kubeconfig)")
    return isWell ? 0 : 1
  }

  /// `routing vxlan, wiring bridge, IPv4 and IPv6, nodes in one subnet`.
  static func network(_ lab: LabConfiguration) -> String {
    let modes = Set(lab.nodes.map(\.routing.rawValue)).sorted().joined(separator: " and ")
    return "routing \(modes), wiring \(lab.wiring), \(lab.families.map(\.name).joined(separator: " and ")), "
      + (lab.underlay == .flat ? "nodes in one subnet" : "nodes in two subnets with a router between them")
  }

  private static func processes(
    _ table: ProcessTable?, _ lab: LabConfiguration, _ site: LabSite, _ inventory: LabInventory
  ) -> (String, Bool) {
    var text = TextTable("PROCESS", "PID", "NODE", "STATUS", "RESTARTS", "LOG")
    var allRun = inventory.supervisor != nil
    text.add(
      "supervisor", inventory.supervisor.map { String($0.pid) } ?? "-", "-",
      inventory.supervisor == nil ? "gone" : "running", "-", site.logFile("supervisor"))
    for process in LabCommands(site: site, lab: lab).processes {
      let entry = table?.processes[process.name]
      let isRunning = entry.flatMap { ProcessHandle($0.identity) } != nil
      allRun = allRun && isRunning
      text.add(
        process.name, isRunning ? entry.map { String($0.identity.pid) } ?? "-" : "-", process.node,
        isRunning ? "running" : "not running", entry.map { String($0.restarts) } ?? "-", site.logFile(process.name))
    }
    return (text.text, allRun)
  }
}
