internal import Addressing
internal import Glibc
internal import Kubernetes
internal import Linux

/// `swiftlet lab node …`: nodes come, go, lose their power or their network while the lab runs.
enum LabNodes {
  static let usage = """
    usage: swiftlet lab node add [NAME]        a further node, named nodeN unless told otherwise
           swiftlet lab node remove NAME       end its processes, delete the Node and all that was its own
           swiftlet lab node kill NAME         switch it off at once; the Node object stays
           swiftlet lab node start NAME        switch it on again, as after a reboot
           swiftlet lab node partition NAME    cut it off from the others; it goes on
           swiftlet lab node partition NAME --heal

    The Node of a killed or partitioned node becomes NotReady when the API has not heard of it for 40 s.
    """

  static func run(_ site: LabSite, _ arguments: [String], _ output: LabOutput) throws -> Int32 {
    let given = try CommandLineOptions(arguments, known: [.init("heal", nil, "connect the node again")])
    let verb = given.operands.first ?? ""
    let names = given.operands.dropFirst()
    if given.has("heal"), verb != "partition" { throw UsageError("option --heal belongs to lab node partition") }
    guard names.count == 1 || (verb == "add" && names.isEmpty), given.rest == nil else {
      throw UsageError("lab node needs one of add, remove, kill, start, partition, and one node")
    }
    let name = names.first ?? ""
    switch verb {
    case "add": try add(LabChange(site, output), names.first)
    case "remove": try remove(LabChange(site, output), name)
    case "kill": try kill(LabChange(site, output), name)
    case "start": try start(LabChange(site, output), name)
    case "partition" where given.has("heal"): try heal(LabChange(site, output), name)
    case "partition": try partition(LabChange(site, output), name)
    default: throw UsageError("there is no lab node \(verb); known are add, remove, kill, start, partition")
    }
    return 0
  }

  /// Names that the lab uses for itself on the switches' side.
  private static let reserved: Set<String> = ["control", "fabric", "lo", "nodes", "nodes2"]

  /// What is wrong with a name; nil if a Node and an interface can have it (RFC 1123, IFNAMSIZ).
  static func fault(ofName name: String, among taken: [String]) -> String? {
    let isLabel =
      name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
      && !name.hasPrefix("-") && !name.hasSuffix("-")
    if !isLabel || !(1...15).contains(name.utf8.count) {
      return "a node's name is 1 to 15 lower-case letters, digits and hyphens, with none of these at its ends"
    }
    if reserved.contains(name) { return "the lab uses that name itself" }
    if taken.contains(name) { return "there is such a node already" }
    return nil
  }

  private static func add(_ change: LabChange, _ asked: String?) throws {
    let taken = change.lab.nodes.map(\.name)
    let name = asked ?? (1...).lazy.map { "node\($0)" }.first { !taken.contains($0) }!
    if let fault = fault(ofName: name, among: taken) {
      throw LabError("\"\(name)\" cannot be added: \(fault)", remedy: "choose another name, or none")
    }
    // The lowest free place: addresses of a node that was removed are used again.
    let slots = Set(change.lab.members.map(\.slot))
    let slot = (0...).first { !slots.contains($0) }!
    var members = change.lab.members
    members.append(LabConfiguration.Worker(name: name, slot: slot, routing: change.lab.routing))
    let lab = try change.lab.replacingMembers(members)
    let node = lab.workers.last!
    let site = change.site
    do {
      try Files.makeDirectories(site.nodeFolder(name))
      try LabUp.writeResolverConfiguration(site, lab, name)
      try Topology(site: site, lab: lab).add(node)
      try LabAccess.add(name, site, lab)
      try change.apply(lab, "the processes of \(name) run") { table in
        LabChange.processes(name).allSatisfy { table.processes[$0].flatMap { ProcessHandle($0.identity) } != nil }
      }
    } catch {
      try? erase(change, node, lab: try change.lab.replacingMembers(change.lab.members.filter { $0.name != name }))
      throw error
    }
    try change.waitUntilReady(name)
    change.output.line("node \(name) (\(node.addresses.map(\.description).joined(separator: ", "))) is ready")
  }

  private static func remove(_ change: LabChange, _ name: String) throws {
    let node = try change.worker(name, to: "remove")
    let members = change.lab.members.filter { $0.name != name }
    if members.isEmpty {
      throw LabError("node \(name) is the last one that runs pods", remedy: "add another before, or use `lab down`")
    }
    try erase(change, node, lab: try change.lab.replacingMembers(members))
    do { try change.client.delete(.nodes, name: name) } catch let status as APIStatus where status.isNotFound {}
    // Its pods are nobody's now: the control plane deletes them, and their controllers make new ones elsewhere.
    try change.wait(30, "its pods are deleted") {
      (try? change.client.list(.pods, ListOptions(fieldSelector: "spec.nodeName=\(name)")).items.isEmpty) ?? false
    }
    change.output.line("node \(name) is removed")
    if node.isGateway, let next = change.lab.gatewayNode {
      change.output.line("it was the gateway: \(next.name) (\(next.address)) is now")
    }
  }

  /// Ends all that belongs to a node on this machine.
  private static func erase(_ change: LabChange, _ node: LabNode, lab: LabConfiguration) throws {
    let site = change.site
    try change.apply(lab, "the supervisor has let go of \(node.name)") { table in
      LabChange.processes(node.name).allSatisfy { table.processes[$0] == nil }
    }
    try endProcesses(site, node.name)
    try? LabInventory.group(site, node: node.name)?.remove()
    try Topology(site: site, lab: lab).remove(node)
    try LabAccess.remove(node.name, site)
    try Files.removeTree(site.nodeFolder(node.name))
    for process in LabChange.processes(node.name) { try Files.remove(site.logFile(process)) }
  }

  private static func endProcesses(_ site: LabSite, _ name: String) throws {
    guard let group = LabInventory.group(site, node: name), group.exists else { return }
    guard try group.kill() else {
      throw LabError(
        "processes of \(name) cannot be ended: \(try group.processes().map(String.init).joined(separator: ", "))",
        remedy: "see what they wait for in /proc/PID/stack")
    }
  }

  private static func kill(_ change: LabChange, _ name: String) throws {
    let node = try change.worker(name, to: "kill")
    if node.state == .killed {
      throw LabError("node \(name) is killed already", remedy: "see `lab node start \(name)`")
    }
    // The plug first: nothing of what ends now can say good-bye.
    try change.topology.unplug(node)
    try change.apply(change.setting(name, .killed), "the supervisor has let go of \(name)") { table in
      LabChange.processes(name).allSatisfy { table.processes[$0] == nil }
    }
    try endProcesses(change.site, name)
    change.output.line("node \(name) is off: its Node becomes NotReady within 40 s; `lab node start \(name)` starts it")
  }

  /// As after a reboot: what the kernel held is gone, what was on disk is there.
  private static func start(_ change: LabChange, _ name: String) throws {
    let node = try change.worker(name, to: "start")
    if node.state != .killed { throw LabError("node \(name) is not off", remedy: "see `swiftlet lab status`") }
    let site = change.site
    try endProcesses(site, name)
    try change.topology.remove(node)
    try Files.removeTree(site.agentState(name))
    try change.topology.add(node)
    // The node reports its status before it renews its Lease, whose time is exact to the microsecond.
    func renewal() throws -> String? {
      try change.client.find(.leases, namespace: "kube-node-lease", name: name)?.spec["renewTime"].string
    }
    let before = try renewal()
    try change.apply(change.setting(name, .running), "the processes of \(name) run") { table in
      LabChange.processes(name).allSatisfy { table.processes[$0].flatMap { ProcessHandle($0.identity) } != nil }
    }
    try change.wait(60, "node \(name) is ready") {
      guard let object = try? change.client.find(.nodes, name: name), let renewed = try? renewal() else { return false }
      return object.isTrue("Ready") && renewed != before
    }
    change.output.line("node \(name) is ready")
  }

  private static func partition(_ change: LabChange, _ name: String) throws {
    let node = try change.node(name)
    if node.state == .killed { throw LabError("node \(name) is off", remedy: "start it with `lab node start \(name)`") }
    try change.topology.setConnected(node, false)
    try change.record(name, .partitioned)
    change.output.line("node \(name) is cut off; `lab node partition \(name) --heal` connects it again")
  }

  private static func heal(_ change: LabChange, _ name: String) throws {
    let node = try change.node(name)
    if node.state != .partitioned {
      throw LabError("node \(name) is not partitioned", remedy: "see `swiftlet lab status`")
    }
    try change.topology.setConnected(node, true)
    try change.record(name, .running)
    change.output.line("node \(name) is connected again")
  }
}
