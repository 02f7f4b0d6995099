internal import Glibc
internal import Kubernetes
internal import Linux

/// A change of a lab that runs: its configuration is written down, and the supervisor makes it so. One at a time.
final class LabChange {
  let site: LabSite
  let output: LabOutput
  private(set) var lab: LabConfiguration
  let client: APIClient
  private let lock: UpLock

  init(_ site: LabSite, _ output: LabOutput) throws {
    self.site = site
    self.output = output
    guard let lock = try UpLock.attempt(site) else {
      throw LabError("the lab is being made or changed by another command", remedy: "wait until that has ended")
    }
    self.lock = lock
    lab = try LabConfiguration(site: site)
    guard try LabInventory(site).isRunning else {
      throw LabError("the lab's supervisor is gone", remedy: "start it again with `swiftlet lab resume`")
    }
    client = try LabAccess.client(site)
  }

  var topology: Topology { Topology(site: site, lab: lab) }

  /// The node of this name.
  func node(_ name: String) throws(LabError) -> LabNode {
    guard let node = lab.nodes.first(where: { $0.name == name }) else {
      throw LabError(
        "there is no node \(name)", remedy: "name one of \(lab.nodes.map(\.name).joined(separator: ", "))")
    }
    return node
  }

  /// A node that runs pods; the control plane's node holds the API, without which there is no lab.
  func worker(_ name: String, to verb: String) throws -> LabNode {
    let node = try node(name)
    if node.name == lab.control.name {
      throw LabError(
        "node \(name) runs the control plane, and the lab cannot \(verb) it",
        remedy: "name one of \(lab.workers.map(\.name).joined(separator: ", "))")
    }
    return node
  }

  /// Writes the configuration and waits until the supervisor has taken it: `isTaken` gets its table.
  func apply(_ lab: LabConfiguration, _ event: String, until isTaken: (ProcessTable) -> Bool) throws {
    try lab.write(site)
    self.lab = lab
    guard let supervisor = try LabInventory(site).supervisor, let handle = ProcessHandle(supervisor) else {
      throw LabError("the lab's supervisor ended meanwhile", remedy: "start it again with `swiftlet lab resume`")
    }
    handle.signal(SIGHUP)
    try wait(20, event) { ProcessTable(path: site.processesFile).map(isTaken) ?? false }
  }

  /// What the supervisor calls the processes of a node.
  static func processes(_ node: String) -> [String] { ["agent-\(node)", "runtime-\(node)"] }

  func wait(_ limit: Double, _ event: String, _ isReached: () -> Bool) throws {
    let end = Time.monotonicSeconds + limit
    while !isReached() {
      output.progress("waiting until \(event)", onTerminalOnly: true)
      guard Time.monotonicSeconds < end else {
        throw LabError(
          "after \(Int(limit)) s it is still not so that \(event)",
          remedy: "see \(site.logFile("supervisor")) and `swiftlet lab status`")
      }
      usleep(50_000)
    }
    output.endProgress()
  }

  /// Waits until the node object says that the node is ready.
  func waitUntilReady(_ name: String) throws {
    try wait(60, "node \(name) is ready") {
      (try? client.find(.nodes, name: name))?.flatMap { $0.isTrue("Ready") } ?? false
    }
  }
}
