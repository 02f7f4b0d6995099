internal import Glibc
internal import Kubernetes
internal import Linux

/// `swiftlet lab …`: finds the command and tells its errors.
package enum LabCommand {
  package static let usage = """
    usage: swiftlet lab COMMAND [OPTION]…
    A cluster's network on this machine, from ordinary Kubernetes manifests.

      up          make a lab, apply manifests, check the network
      down        remove the lab and everything that belongs to it
      status      show processes, nodes, pods and Services
      check       check the network with packets
      apply       apply manifests to the lab
      delete      delete the objects of manifests from the lab
      exec        run a command inside a pod or a node
      logs        show what a container or a process of the lab has written
      node        add or remove a node, switch one off or on, cut one off
      routing     switch to another way between nodes while traffic goes on
      services    switch Services to another back end while traffic goes on
      kubeconfig  print the path of the lab's kubeconfig
      resume      start the supervisor again after it was killed

    `swiftlet lab COMMAND --help` tells more. A machine can hold several labs: the variable SWIFTLET_LAB names the one
    that is meant (lab).
    """

  private static let downUsage = """
    usage: swiftlet lab down
    Removes the lab, running or not, with all its processes, namespaces, mounts and files, and says what it removed.
    """
  private static let checkUsage = """
    usage: swiftlet lab check
    Checks the lab's network with packets. The exit status is 0 if every check passed.
    """
  private static let applyUsage = """
    usage: swiftlet lab apply|delete [-f PATH]… [PATH]…
    Applies or deletes manifests; PATH is a file, a directory or - for standard input.
    """

  private static let kubeconfigUsage = """
    usage: swiftlet lab kubeconfig
    Prints the path of the lab's kubeconfig: export KUBECONFIG=$(swiftlet lab kubeconfig).
    """
  private static let resumeUsage = """
    usage: swiftlet lab resume
    Starts the supervisor again after it was killed. Processes of the lab that still run go on; the others are started.
    """

  /// Runs the command after the word `lab` and answers the program's exit status. Call it on the program's only thread:
  /// some commands block signals, become another program or join the lab's control group.
  package static func run(_ arguments: [String]) -> Int32 {
    let name = arguments.first ?? ""
    let rest = Array(arguments.dropFirst())
    do {
      return try run(name, rest)
    } catch let error as UsageError {
      fail("\(error)\nsee `swiftlet lab \(name) --help`")
      return 2
    } catch {
      fail("\(error)")
      return 1
    }
  }

  private static func run(_ name: String, _ arguments: [String]) throws -> Int32 {
    let site = try LabSite(name: getenv("SWIFTLET_LAB").map { String(cString: $0) } ?? "lab")
    let output = LabOutput()
    let wantsHelp = arguments.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
    func help(_ text: String) -> Int32 {
      output.line(text)
      return 0
    }
    switch name {
    case "up":
      if wantsHelp { return help(LabUpOptions.usage) }
      let options = try LabUpOptions(arguments)
      return try LabUp(site: site, options: options, output: output, interruption: try Interruption()).run()
    case "down":
      if wantsHelp { return help(downUsage) }
      try expectNothing(arguments, "down")
      try requireRoot("lab down")
      let removed = try LabRemoval.run(site)
      for item in removed { output.line("removed \(item)") }
      if removed.isEmpty { output.line("there is no lab on this machine") }
      return 0
    case "status": return wantsHelp ? help(LabStatus.usage) : try LabStatus.run(site, output)
    case "check":
      if wantsHelp { return help(checkUsage) }
      try expectNothing(arguments, "check")
      try requireRoot("lab check")
      let lab = try LabConfiguration(site: site)
      let checks = LabChecks(
        site: site, lab: lab, client: try LabAccess.client(site), output: output, interruption: try Interruption())
      return try checks.run() ? 0 : 1
    case "apply", "delete":
      if wantsHelp { return help(applyUsage) }
      try requireRoot("lab \(name)")
      return try change(site, name, arguments, output)
    case "exec":
      if wantsHelp { return help(LabExec.usage) }
      try requireRoot("lab exec")
      try LabExec.run(site, arguments)
    case "logs":
      if wantsHelp { return help(LabLogs.usage) }
      try requireRoot("lab logs")
      return try LabLogs.run(site, arguments)
    case "kubeconfig":
      if wantsHelp { return help(kubeconfigUsage) }
      try expectNothing(arguments, "kubeconfig")
      _ = try LabConfiguration(site: site)
      return help(site.kubeconfig)
    case "resume":
      if wantsHelp { return help(resumeUsage) }
      try expectNothing(arguments, "resume")
      try requireRoot("lab resume")
      let lab = try LabConfiguration(site: site)
      if try LabInventory(site).isRunning { return help("the supervisor is running") }
      try LabSupervision.start(site, executables: lab.executables)
      return help("the supervisor is started again; processes that ran have gone on")
    case "supervise":
      try LabSupervision.run(site)
      return 0
    case "fetch": return try LabFetch.run(arguments)
    case "node":
      if wantsHelp { return help(LabNodes.usage) }
      try requireRoot("lab node")
      return try LabNodes.run(site, arguments, output)
    case "routing":
      if wantsHelp { return help(LabRouting.usage) }
      try requireRoot("lab routing")
      return try LabRouting.run(site, arguments, output)
    case "services":
      if wantsHelp { return help(LabServices.usage) }
      try requireRoot("lab services")
      return try LabServices.run(site, arguments, output)
    case "runtime": return try LabRuntimeCommand.run(arguments)
    case "outside": return try OutsideWorld.run(arguments)
    case "", "help", "--help", "-h": return help(usage)
    default:
      fail("there is no command lab \(name)\nsee `swiftlet lab --help`")
      return 2
    }
  }

  private static func change(
    _ site: LabSite, _ name: String, _ arguments: [String], _ output: LabOutput
  ) throws -> Int32 {
    let given = try CommandLineOptions(arguments, known: [.init("filename", "PATH", letter: "f", "manifests")])
    let paths = given.all("filename") + given.operands
    if paths.isEmpty { throw UsageError("lab \(name) needs manifests") }
    let manifests = try ManifestLoader.load(paths) { try FileDescriptor(owning: dup(0)).readAll() }
    _ = try LabConfiguration(site: site)
    let applier = Applier(try LabAccess.client(site))
    let counts =
      name == "apply"
      ? try ManifestReport.apply(manifests, with: applier, output, nil)
      : try ManifestReport.delete(manifests, with: applier, output)
    output.line("\(counts.applied) objects done, \(counts.refused) refused")
    return counts.refused == 0 ? 0 : 1
  }

  private static func expectNothing(_ arguments: [String], _ command: String) throws(UsageError) {
    if let first = arguments.first { throw UsageError("lab \(command) takes no arguments, found \(first)") }
  }

  private static func requireRoot(_ command: String) throws(LabError) {
    if geteuid() != 0 { throw LabError("\(command) needs root", remedy: "run it with sudo") }
  }

  private static func fail(_ text: String) {
    let bytes = Array("swiftlet: \(text)\n".utf8)
    _ = write(2, bytes, bytes.count)
  }
}
