internal import ControlPlane
internal import Glibc
internal import Kubernetes
internal import Linux
internal import Streaming

/// Finds what a request means among this node's pods, and serves it to its end.
struct NodePodStreams {
  private let node: NodeRuntimeConfiguration
  private let connection: NodeServerConnection

  init(_ node: NodeRuntimeConfiguration, _ connection: NodeServerConnection) {
    self.node = node
    self.connection = connection
  }

  /// Throws only before anything was answered.
  func serve(_ request: NodeServerRequest) throws(StatusError) {
    switch request {
    case .log(let place, let options): try log(try find(place), place.container, options)
    case .exec(let place, let command, let streams, let upgrade):
      let pod = try find(place)
      try requireRunning(pod, place)
      CommandSession(connection, streams, upgrade).run { [node] in
        try StartedCommand(command, in: pod.directory, place.container, streams, pauseProgram: node.pauseProgram)
      }
    case .attach(let place, let streams, let upgrade):
      let pod = try find(place)
      let process = try requireRunning(pod, place)
      CommandSession(connection, streams, upgrade).attach(process, log: pod.directory.logFile(place.container))
    case .portForward(let place, let upgrade):
      let pod = try find(place)
      guard let sandbox = pod.directory.sandbox() else { throw notRunning(place.pod) }
      let namespace: NetworkNamespace
      do { namespace = try NetworkNamespace(path: "/proc/\(sandbox.pid)/ns/net") } catch { throw notRunning(place.pod) }
      PortForwardSession(connection, upgrade, namespace, pod: place.pod, uid: pod.directory.uid).run()
    }
  }

  private struct Pod {
    let directory: PodDirectory
    let record: PodRecord
  }

  /// The pod of that name; of several, of which all but one have ended, the newest.
  private func find(_ place: NodeServerRequest.PodPlace) throws(StatusError) -> Pod {
    var found: Pod?
    for directory in PodDirectory.all(stateDirectory: node.stateDirectory) {
      guard let record = (try? directory.load()).flatMap({ $0 }) else { continue }
      let manifest = PodManifest(record.manifest)
      guard manifest.namespace == place.namespace, manifest.name == place.pod else { continue }
      if let found, found.record.startTime > record.startTime { continue }
      found = Pod(directory: directory, record: record)
    }
    guard let found else {
      throw StatusError(404, "NotFound", "node \(node.nodeName) does not run pod \(place.namespace)/\(place.pod) yet")
    }
    return found
  }

  private func notRunning(_ pod: String) -> StatusError {
    .badRequest("pod \(pod) is not running: its sandbox has ended or is not made yet")
  }

  @discardableResult
  private func requireRunning(_ pod: Pod, _ place: NodeServerRequest.PodPlace) throws(StatusError) -> ProcessIdentity {
    guard let process = pod.directory.process(place.container) else {
      throw .badRequest("container \(place.container) in pod \(place.pod) is not running")
    }
    return process
  }

  /// A container's process, and why it waits if it never had one. A function of its own, and nothing of the record is used
  /// after it: the optimizer of Swift 6.3.1 otherwise finds an ownership error in `log` and crashes.
  @inline(never)
  private static func standing(_ record: ContainerRecord?) -> (process: ProcessIdentity?, reason: String?) {
    guard let record else { return (nil, "ContainerCreating") }
    if record.hasRunEver || record.process != nil { return (record.process, nil) }
    if case .waiting(let told, _) = record.state { return (nil, told) }
    return (nil, "ContainerCreating")
  }

  private func log(_ pod: Pod, _ container: String, _ options: PodLogOptions) throws(StatusError) {
    let name = PodManifest(pod.record.manifest).name
    let standing = Self.standing(pod.record.containers[container])
    if options.previous {
      let path = pod.directory.previousLogFile(container)
      guard Files.exists(path) else {
        throw .badRequest("previous terminated container \"\(container)\" in pod \"\(name)\" not found")
      }
      return LogSession(connection, options).run(path, follows: nil)
    }
    if let reason = standing.reason {
      throw .badRequest("container \"\(container)\" in pod \"\(name)\" is waiting to start: \(reason)")
    }
    let process = standing.process.flatMap { ProcessHandle($0) }
    LogSession(connection, options).run(pod.directory.logFile(container), follows: options.follow ? process : nil)
  }
}
