internal import CLinux
internal import Glibc
internal import Linux

/// Starting the supervisor, and being it.
package enum LabSupervision {
  /// Starts the supervisor of the lab at `site` in a session of its own, and waits until it has written its table.
  package static func start(_ site: LabSite, executables: String) throws {
    let log = try FileDescriptor.open(site.logFile("supervisor"), O_WRONLY | O_CREAT | O_APPEND)
    let child = try ChildProcess(
      ["\(executables)/swiftlet", "lab", "supervise"], standardOutput: .descriptor(log.raw),
      standardError: .descriptor(log.raw), newSession: true)
    let deadline = Time.monotonicSeconds + 20
    while ProcessTable(path: site.processesFile)?.supervisor?.pid != child.pid {
      if let status = child.wait(timeout: 0.02) {
        throw LabError(
          "the supervisor ended at once with \(status)", remedy: "see \(site.logFile("supervisor"))")
      }
      guard Time.monotonicSeconds < deadline else {
        throw LabError("the supervisor does not start", remedy: "see \(site.logFile("supervisor"))")
      }
    }
  }

  /// Runs as the supervisor until a signal ends it. Call it first thing in the program, on its only thread.
  package static func run(_ site: LabSite) throws {
    Signals.block([SIGTERM, SIGINT, SIGHUP])
    Signals.ignoreBrokenPipes()
    // Before anything else: whoever is started from here on belongs to the lab and cannot leave it.
    try ControlGroup.create(site.controlGroup).add(0)
    guard let lock = try FileLock.attempt(site.lockFile) else {
      throw LabError("another supervisor runs already", remedy: "see `swiftlet lab status`")
    }
    let lab = try LabConfiguration(site: site)
    let supervisor = try Supervisor(site: site, apiPort: lab.apiPort, log: Log("supervisor")) {
      LabCommands(site: site, lab: try LabConfiguration(site: site)).processes
    }
    try supervisor.run()
    release(lock)
  }

  /// The lock is held until here, or until the process ends.
  private static func release(_ lock: consuming FileLock) {}
}
