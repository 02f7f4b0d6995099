internal import Addressing
internal import Diagnosis
internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux
internal import NodeAgent

/// `swiftlet lab up`: from manifests to a cluster whose network was checked with packets.
struct LabUp {
  let site: LabSite
  let options: LabUpOptions
  let output: LabOutput
  let interruption: Interruption

  /// The exit status: 0 if every object was taken, every pod is ready and every check passed.
  func run() throws -> Int32 {
    // What can be wrong without the machine comes first, and costs nothing.
    let manifests = try ManifestLoader.load(options.paths) { try FileDescriptor(owning: dup(0)).readAll() }
    guard let lock = try UpLock.attempt(site) else {
      throw LabError("another `lab up` is making this lab", remedy: "wait until it has ended")
    }
    return try withExtendedLifetime(lock) { try run(manifests) }
  }

  private func run(_ manifests: [Manifest]) throws -> Int32 {
    try removeRemains()
    let machine = try Preflight.run(manifests: manifests)
    try Preflight.tryRouting(options.routing, options.ranges.families)
    for finding in options.ranges.warnings { output.line("warning: \(finding.sentence)") }

    let port = try options.apiPort.map { try claim($0) } ?? LoopbackListener.freePort(preferred: 6443)
    var lab = LabConfiguration(
      ranges: options.ranges, members: LabConfiguration.members(options.nodes, options.routing),
      routing: options.routing, wiring: options.wiring, underlay: options.underlay, apiPort: port,
      executables: machine.executables, hasGateway: machine.hasProxy)
    lab.servicesBackend = options.servicesBackend
    do {
      let began = Time.monotonicSeconds
      let client = try make(lab)
      let isApplied = try apply(manifests, client)
      let isReady = try waitForPods(client)
      if isReady { try waitForRoutes(lab) }
      if isReady { output.line("everything is up after \(seconds(since: began))") }
      try LabSummary.write(client, output, lab)
      // A lab whose pods are not ready is left standing: it is what one wants to look into.
      let checksPass = try !options.runsChecks || !isReady || runChecks(client, lab)
      output.line("\nexport KUBECONFIG=\(site.kubeconfig)")
      return isApplied && isReady && checksPass ? 0 : 1
    } catch {
      output.line("\(error)")
      if !(error is Interruption.Interrupted) { showLogs() }
      output.line("taking down what was made")
      for item in try LabRemoval.run(site) { output.line("removed \(item)") }
      return error is Interruption.Interrupted ? 130 : 1
    }
  }

  /// A lab that runs is left alone; the remains of one that died are taken away.
  private func removeRemains() throws {
    let inventory = try LabInventory(site)
    if inventory.isEmpty { return }
    if inventory.isRunning {
      throw LabError(
        "a lab is running already (supervisor: process \(inventory.supervisor?.pid ?? 0), files: \(site.root))",
        remedy: "use it with `export KUBECONFIG=\(site.kubeconfig)`, or remove it with `swiftlet lab down`")
    }
    output.line("a lab was here whose supervisor is gone; its remains are removed first")
    for item in try LabRemoval.run(site) { output.line("removed \(item)") }
  }

  private func claim(_ port: Int) throws -> Int {
    do {
      return try LoopbackListener.port(of: LoopbackListener.open(port: port))
    } catch {
      throw LabError(
        "port \(port) of 127.0.0.1 cannot be used: \(error)", remedy: "name another with --api-port, or none")
    }
  }

  /// Makes namespaces, network and processes, and waits until the API answers.
  private func make(_ lab: LabConfiguration) throws -> APIClient {
    for folder in [site.logFolder, site.serverData] + lab.nodes.map({ site.nodeFolder($0.name) }) {
      try Files.makeDirectories(folder)
    }
    for node in lab.nodes { try Self.writeResolverConfiguration(site, lab, node.name) }
    try lab.write(site)
    try Topology(site: site, lab: lab).make()
    let count = lab.workers.count
    output.line(
      "\(count) node\(count == 1 ? "" : "s") and a control plane on \(lab.ranges.nodeRanges.map(\.prefix.description).joined(separator: " and "))"
    )
    output.line(LabStatus.network(lab))
    try interruption.check()

    let tokens = try LabAccess.writeTokens(site, nodes: lab.nodes)
    try LabSupervision.start(site, executables: lab.executables)
    try waitUntil("the API server has made its certificates") { Files.exists(site.certificateAuthority) }
    try LabAccess.writeKubeconfigs(site, lab, tokens: tokens)
    let client = try LabAccess.client(site)
    try waitUntil("the API answers") { (try? client.list(.namespaces)) != nil }
    try ClusterAddons.install(lab, client)
    try waitUntil("every node is ready") {
      let nodes = (try? client.list(.nodes).items) ?? []
      return lab.nodes.allSatisfy { node in nodes.contains { $0.name == node.name && $0.isTrue("Ready") } }
    }
    return client
  }

  /// What pods with dnsPolicy Default ask: the outside resolver in the lab's families.
  static func writeResolverConfiguration(_ site: LabSite, _ lab: LabConfiguration, _ node: String) throws {
    try Files.write(
      site.resolverConfiguration(node), lab.families.map { "nameserver \(OutsideAddresses.resolver($0))\n" }.joined())
  }

  private func waitUntil(_ event: String, seconds limit: Double = 60, _ isReached: () -> Bool) throws {
    let end = Time.monotonicSeconds + limit
    while !isReached() {
      output.progress("waiting until \(event)")
      guard Time.monotonicSeconds < end else {
        throw LabError(
          "after \(Int(limit)) s it is still not so that \(event)", remedy: "see the logs in \(site.logFolder)")
      }
      try interruption.sleep(0.05)
    }
    output.endProgress()
  }

  /// Pods are ready by what happens on their own nodes; BGP takes seconds more to know the way to them. A node that is not
  /// reached in time is a matter for the checks.
  private func waitForRoutes(_ lab: LabConfiguration) throws {
    let end = Time.monotonicSeconds + 20
    while Time.monotonicSeconds < end {
      let awaiting = lab.nodes.filter { !reachesAll($0, of: lab) }
      if awaiting.isEmpty { break }
      output.progress("waiting for routes of \(awaiting.map(\.name).joined(separator: ", "))")
      try interruption.sleep(0.05)
    }
    output.endProgress()
  }

  private func reachesAll(_ node: LabNode, of lab: LabConfiguration) -> Bool {
    guard let status = try? AgentStatusClient(stateDirectory: site.agentState(node.name)).status() else { return false }
    let routing = status["planes"].elements.first { $0["name"].string == "routing" }?["status"] ?? .null
    return routing["peers"].int == lab.nodes.count - 1 && routing["awaited"].array?.isEmpty == true
  }

  /// False if the API refused an object.
  private func apply(_ manifests: [Manifest], _ client: APIClient) throws -> Bool {
    let counts = try ManifestReport.apply(manifests, with: Applier(client), output, interruption)
    if !manifests.isEmpty { output.line("applied \(counts.applied) objects, \(counts.refused) refused") }
    return counts.refused == 0
  }

  /// False if pods are still not ready after the time allowed.
  private func waitForPods(_ client: APIClient) throws -> Bool {
    let end = Time.monotonicSeconds + Double(options.timeout)
    while true {
      let readiness = try Readiness(client)
      if readiness.isReached {
        output.endProgress()
        return true
      }
      let first = readiness.awaited[0]
      let more = readiness.awaited.count > 1 ? " and \(readiness.awaited.count - 1) more" : ""
      output.progress("\(readiness.readyPods) of \(readiness.pods) pods ready; \(first)\(more)")
      if Time.monotonicSeconds >= end {
        output.endProgress()
        output.line("after \(options.timeout) s these are still awaited:")
        for item in readiness.awaited { output.line("  \(item)") }
        return false
      }
      try interruption.sleep(0.1)
    }
  }

  /// False if a check failed, or could not be made; the lab stays, to be looked into.
  private func runChecks(_ client: APIClient, _ lab: LabConfiguration) throws -> Bool {
    output.line("")
    do {
      return try LabChecks(site: site, lab: lab, client: client, output: output, interruption: interruption).run()
    } catch let error where !(error is Interruption.Interrupted) {
      output.line("the checks could not be made: \(error)")
      return false
    }
  }

  /// The ends of the logs of processes that are not well, which are about to be removed.
  private func showLogs() {
    guard let names = try? Files.list(site.logFolder) else { return }
    for name in names {
      guard let text = try? Files.readText("\(site.logFolder)/\(name)") else { continue }
      let lines = text.split(separator: "\n").suffix(5)
      if lines.isEmpty { continue }
      output.line("--- the end of \(name):")
      for line in lines { output.line("    \(line)") }
    }
  }
}

/// `1.2 s`: seconds since a time of `Time.monotonicSeconds`.
func seconds(since start: Double) -> String {
  let tenths = Int((Time.monotonicSeconds - start) * 10)
  return "\(tenths / 10).\(tenths % 10) s"
}
