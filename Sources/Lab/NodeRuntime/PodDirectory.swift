internal import JSON
package import Linux
internal import StandIn

/// The files of one pod below a node's state directory: how the runtime, and others that look at its pods, find them.
package struct PodDirectory: Hashable, Sendable {
  package let path: String
  package let uid: String

  /// - Parameter stateDirectory: `NodeRuntimeConfiguration.stateDirectory` of the pod's node.
  package init(stateDirectory: String, uid: String) {
    path = "\(stateDirectory)/pods/\(uid)"
    self.uid = uid
  }

  /// The pods a node's runtime knows.
  package static func all(stateDirectory: String) -> [PodDirectory] {
    ((try? Files.list("\(stateDirectory)/pods")) ?? []).map { PodDirectory(stateDirectory: stateDirectory, uid: $0) }
  }

  var recordFile: String { "\(path)/pod.json" }
  var resolverFile: String { "\(path)/etc/resolv.conf" }
  var hostsFile: String { "\(path)/etc/hosts" }
  var hostnameFile: String { "\(path)/etc/hostname" }
  var sandboxIdentityFile: String { "\(path)/sandbox.process" }
  func identityFile(_ container: String) -> String { "\(path)/\(container).process" }
  func environmentFile(_ container: String) -> String { "\(path)/\(container).environment.json" }

  /// What the container has written; the part before it, once it was cut, is in `PATH.1`.
  package func logFile(_ container: String) -> String { "\(path)/\(container).log" }

  /// What the container's run before the last start has written; parts as above.
  func previousLogFile(_ container: String) -> String { "\(path)/\(container).previous.log" }

  func load() throws -> PodRecord? {
    guard Files.exists(recordFile) else { return nil }
    return PodRecord(try JSON(parsing: try Files.read(recordFile)))
  }

  func save(_ record: PodRecord) throws(SystemError) {
    try Files.makeDirectories("\(path)/etc")
    try Files.write(recordFile, record.json.bytes(), mode: 0o600)
  }

  /// The pod as its runtime last saw it; nil if it knows none.
  package func manifest() -> PodManifest? { (try? load()).flatMap { $0 }.map { PodManifest($0.manifest) } }

  /// The process that holds the pod's namespaces (`/proc/PID/ns/net` and others); nil if there is none alive.
  package func sandbox() -> ProcessIdentity? {
    guard let process = (try? load()).flatMap({ $0?.sandbox?.process }), ProcessHandle(process) != nil else {
      return nil
    }
    return process
  }

  /// The process of a container; nil if it does not run.
  package func process(_ container: String) -> ProcessIdentity? {
    guard let record = (try? load()).flatMap({ $0 }), let process = record.containers[container]?.process,
      ProcessHandle(process) != nil
    else { return nil }
    return process
  }

  /// The command line and environment with which a program is run inside a container, as `lab exec` does; nil if the
  /// pod's sandbox does not live.
  package func execution(
    of command: [String], in container: String, pauseProgram: String, hasTerminal: Bool = false
  ) -> (arguments: [String], environment: [String: String])? {
    guard let sandbox = sandbox() else { return nil }
    var options = EnterOptions(.process(sandbox.pid), command: command)
    options.takesTerminal = hasTerminal
    // What is run inside a container ends with it.
    if let process = process(container) { options.controlGroup = Self.controlGroup(of: process.pid) }
    return ([pauseProgram, "enter"] + options.arguments, storedEnvironment(container) ?? [:])
  }

  /// The environment a container was last started with; nil if it never was.
  func storedEnvironment(_ container: String) -> [String: String]? {
    guard let bytes = try? Files.read(environmentFile(container)) else { return nil }
    return (try? JSON(parsing: bytes))?.stringMap
  }

  /// The cgroup v2 directory a process is in; nil if it is in the root or cannot be told.
  private static func controlGroup(of pid: Int32) -> String? {
    guard let text = try? Files.readText("/proc/\(pid)/cgroup"), let mount = try? ControlGroup.mountPoint(),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }), line.count > 4
    else { return nil }
    return mount + line.dropFirst(3)
  }
}
