internal import CLinux
internal import Glibc
internal import Kubernetes
internal import Linux

/// `swiftlet lab exec`: a command of this machine with a pod's or a node's network, in place of ours.
enum LabExec {
  static let known: [CommandLineOptions.Option] = [
    .init("namespace", "NAMESPACE", letter: "n", "namespace of the pod (default)"),
    .init("container", "NAME", letter: "c", "container; all of a pod share one network and one root"),
  ]

  static let usage = """
    usage: swiftlet lab exec [OPTION]… POD|NAMESPACE/POD|node:NAME -- COMMAND [ARGUMENT]…
    Runs a command of this machine inside a pod, or in the network of a node (node:node1, node:fabric).

    \(CommandLineOptions.help(known))
    """

  /// Returns only if it fails.
  static func run(_ site: LabSite, _ arguments: [String]) throws -> Never {
    let given = try CommandLineOptions(arguments, known: known)
    guard given.operands.count == 1, let command = given.rest, !command.isEmpty else {
      throw UsageError("lab exec needs one pod or node, then -- and a command")
    }
    let lab = try LabConfiguration(site: site)
    let pause = "\(lab.executables)/swiftlet-pause"
    let target = given.operands[0]
    // Whatever is started belongs to the lab and ends with it.
    if let group = LabInventory.group(site), group.exists { try group.add(0) }
    if target.hasPrefix("node:") {
      let path = site.namespacePath(String(target.dropFirst("node:".count)))
      guard Files.exists(path) else {
        let names = (lab.nodes.map(\.name) + ["fabric"]).joined(separator: ", ")
        throw LabError("there is no \(target)", remedy: "name one of \(names)")
      }
      try become([pause, "enter", "--netns", path, "--"] + command, [:])
    }
    let pod = try LabPod.find(site, key(target, namespace: given["namespace"]))
    let container = try pod.container(given["container"])
    guard let execution = pod.directory.execution(of: command, in: container, pauseProgram: pause) else {
      throw LabError("the sandbox of pod \(pod.key) has ended", remedy: "wait until its node has made a new one")
    }
    try become(execution.arguments, execution.environment)
  }

  /// Replaces this program by another, with its environment added to ours.
  private static func become(_ argv: [String], _ environment: [String: String]) throws(SystemError) -> Never {
    for (name, value) in environment { setenv(name, value, 1) }
    let words = argv.map { strdup($0) } + [nil]
    execv(argv[0], words)
    throw SystemError("run \(argv[0])")
  }

  /// `POD` in a namespace, or `NAMESPACE/POD`.
  static func key(_ text: String, namespace: String?) -> ObjectKey {
    let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
    return parts.count == 2 ? ObjectKey(parts[0], parts[1]) : ObjectKey(namespace ?? "default", text)
  }
}
