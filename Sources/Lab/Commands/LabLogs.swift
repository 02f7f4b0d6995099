internal import Glibc
internal import Kubernetes
internal import Linux

/// `swiftlet lab logs`: what a container, or a process of the lab itself, has written.
enum LabLogs {
  static let known: [CommandLineOptions.Option] = [
    .init("namespace", "NAMESPACE", letter: "n", "namespace of the pod (default)"),
    .init("container", "NAME", letter: "c", "container; needed if the pod has several"),
  ]

  static let usage = """
    usage: swiftlet lab logs [OPTION]… POD|NAMESPACE/POD|lab:PROCESS
    Prints what a container has written, or a process of the lab (lab:server, lab:agent-node1; lab: lists them).

    \(CommandLineOptions.help(known))
    """

  static func run(_ site: LabSite, _ arguments: [String]) throws -> Int32 {
    let given = try CommandLineOptions(arguments, known: known)
    guard given.operands.count == 1, given.rest == nil else {
      throw UsageError("lab logs needs one pod or lab:PROCESS")
    }
    let target = given.operands[0]
    if target.hasPrefix("lab:") {
      let name = String(target.dropFirst("lab:".count))
      let names = ((try? Files.list(site.logFolder)) ?? []).map { String($0.dropLast(".log".count)) }
      guard names.contains(name) else {
        throw LabError(
          name.isEmpty ? "no process is named" : "the lab has no process \(name)",
          remedy: names.isEmpty ? "make a lab with `swiftlet lab up`" : "name one of \(names.joined(separator: ", "))")
      }
      try copy(site.logFile(name))
      return 0
    }
    let pod = try LabPod.find(site, LabExec.key(target, namespace: given["namespace"]))
    if pod.containers.count > 1 && given["container"] == nil {
      throw LabError(
        "pod \(pod.key) has \(pod.containers.count) containers",
        remedy: "name one with -c: \(pod.containers.joined(separator: ", "))")
    }
    let path = pod.directory.logFile(try pod.container(given["container"]))
    for part in ["\(path).1", path] where Files.exists(part) { try copy(part) }
    return 0
  }

  private static func copy(_ path: String) throws {
    try FileDescriptor(owning: dup(1)).writeAll(try Files.read(path))
  }
}
