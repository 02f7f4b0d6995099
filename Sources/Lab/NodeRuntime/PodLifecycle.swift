internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// One pod on this node, from its sandbox to its end.
///
/// `step` brings the pod nearer to what the API asks for and says when it wants to be called again; nobody calls it on two
/// threads at once (`WorkQueue`). What happens meanwhile (a new object, a process that ended, a probe's change) waits in
/// `inbox`. Nothing in a step waits for time to pass: pauses are times to be called again.
final class PodLifecycle: @unchecked Sendable {
  // @unchecked: everything but `inbox` belongs to whoever runs `step`, and that is one thread at a time.

  /// What happened while nobody was at work on the pod.
  enum Message: Sendable {
    /// The API's object has changed.
    case changed(JSON)
    /// The API has no such object any more.
    case gone
    case containerEnded(String, ProcessIdentity, ChildProcess.Status?)
    case sandboxEnded(ProcessIdentity)
    case probed(ProbeRunner.Report)
    /// With what went wrong, or nil.
    case hookEnded(HookRunner.Key, String?)
  }

  enum Outcome {
    /// Call again after this many seconds, or when there is a message.
    case again(Double?)
    /// Nothing of the pod is left.
    case finished
  }

  let uid: String
  let services: NodeServices
  let directory: PodDirectory
  private let inbox = Mutex<[Message]>([])

  var record: PodRecord
  /// The newest object known: the API's, or what our own status patch answered.
  var observed: JSON
  /// The API has no such object: there is nobody to report to.
  var isGone = false
  /// Taken over from what an earlier runtime left, or new.
  private var isPrepared: Bool
  /// Ended before this runtime saw it; it is only reported on deletion.
  let isForeign: Bool
  private var saved: PodRecord?
  var lastStatus: JSON?

  var sandboxProcess: ProcessReference?
  var sandboxFailures = 0
  /// Monotonic seconds before which a sandbox is not tried again.
  var sandboxRetry = 0.0
  /// Monotonic seconds before which earlier sandboxes are not taken from their networks again.
  var detachRetry = 0.0
  var processes: [String: ProcessReference] = [:]
  /// Containers that were asked to end.
  var stops: [String: ContainerStop] = [:]
  /// Monotonic seconds before which a container that could not be configured is not tried again.
  var configurationRetries: [String: Double] = [:]
  private var wake: Double?

  /// A pod that the API has bound to this node.
  init(_ manifest: JSON, _ services: NodeServices) {
    let pod = PodManifest(manifest)
    uid = pod.uid
    self.services = services
    directory = PodDirectory(stateDirectory: services.configuration.stateDirectory, uid: pod.uid)
    record = PodRecord(manifest, startTime: .now())
    observed = manifest
    isPrepared = true
    let phase = manifest["status", "phase"].string
    isForeign = phase == "Succeeded" || phase == "Failed"
  }

  /// A pod that an earlier runtime left.
  init(_ record: PodRecord, _ services: NodeServices) {
    uid = PodManifest(record.manifest).uid
    self.services = services
    directory = PodDirectory(stateDirectory: services.configuration.stateDirectory, uid: uid)
    self.record = record
    observed = record.manifest
    isPrepared = false
    isForeign = false
  }

  var pod: PodManifest { PodManifest(observed) }

  /// Leaves a message and has the pod looked at. From any thread.
  func send(_ message: Message) {
    inbox.withLock { $0.append(message) }
    services.queue.add(uid)
  }

  func step() -> Outcome {
    wake = nil
    if !isPrepared {
      adopt()
      isPrepared = true
    }
    for message in takeMessages() { receive(message) }
    detach()
    if isGone || pod.isDeleted {
      if terminate() { return .finished }
    } else if !isForeign {
      if isOver { finish() } else { advance() }
      // First to our own record, then to the world: a runtime that is killed in between must not take back what it said.
      save()
      publishStatus()
    }
    save()
    return .again(wake)
  }

  private func takeMessages() -> [Message] {
    inbox.withLock { inbox in
      defer { inbox = [] }
      return inbox
    }
  }

  private func receive(_ message: Message) {
    switch message {
    case .changed(let object): observe(object)
    case .gone: isGone = true
    case .containerEnded(let name, let process, let status): containerEnded(name, process, status)
    case .sandboxEnded(let process):
      if sandboxProcess?.identity == process { sandboxProcess = nil }
    case .probed(let report): probed(report)
    case .hookEnded(let key, let failure): hookEnded(key, failure)
    }
  }

  /// Takes an object unless a newer one is known already: the watch may lag behind the answers to our own patches.
  func observe(_ object: JSON) {
    guard PodManifest(object).uid == uid else { return }
    let known = observed["metadata", "resourceVersion"].string.flatMap { UInt64($0) }
    let new = object["metadata", "resourceVersion"].string.flatMap { UInt64($0) }
    if let known, let new, new < known { return }
    observed = object
    record.manifest = object
  }

  /// Asks for another step at a time in monotonic seconds.
  func wake(at time: Double) { wake(after: time - Time.monotonicSeconds) }
  func wake(after seconds: Double) { wake = min(wake ?? .infinity, max(0.001, seconds)) }

  /// All containers have ended for good.
  private var isOver: Bool {
    let phase = compiler.phase
    return phase == "Succeeded" || phase == "Failed"
  }

  var compiler: PodStatusCompiler {
    PodStatusCompiler(pod: pod, record: record, hostAddresses: services.hostAddresses, now: .now())
  }

  /// One step of a pod that is to run.
  private func advance() {
    guard ensureSandbox() else { return }
    completeInitContainers()
    tellWhatIsSkipped()
    for container in pod.runnableContainers {
      advance(container)
      // The first start is in order: what a sidecar is for may need it (KEP-753).
      if container.isSidecar, record.containers[container.name]?.isStarted != true, !hasRun(after: container) { break }
    }
  }

  private func hasRun(after sidecar: ContainerManifest) -> Bool {
    pod.runnableContainers.drop { $0.name != sidecar.name }.dropFirst()
      .contains { record.containers[$0.name]?.hasRunEver == true }
  }

  /// A pod that has run its course gives its address back; what it was stays on record until it is deleted.
  private func finish() {
    for container in pod.runnableContainers where processes[container.name] != nil {
      stop(container.name, grace: pod.gracePeriod)
    }
    enforceStops()
    guard processes.isEmpty, record.sandbox != nil else { return }
    do { try destroySandbox() } catch { retry("taking the network from \(pod.id)", error) }
  }

  func retry(_ what: String, _ error: any Error) {
    services.log("\(what) failed and is tried again: \(error)")
    wake(after: 1)
  }

  /// Writes the record if it has changed. A failure is logged: the pod goes on, but would not survive a crash of ours.
  func save() {
    guard !isForeign, saved != record else { return }
    do throws(SystemError) {
      try directory.save(record)
      saved = record
    } catch {
      services.log("state of pod \(pod.id) was not written: \(error)")
    }
  }

  func tell(_ kind: EventRecorder.Severity, _ reason: String, _ message: String, container: String? = nil) {
    let object = ObjectReference(
      kind: "Pod", namespace: pod.namespace, name: pod.name, uid: uid,
      fieldPath: container.map { "spec.containers{\($0)}" } ?? "")
    services.events.record(object, kind, reason: reason, message: message)
  }

  /// Tells an event once in the pod's life.
  func tellOnce(
    _ key: String, _ kind: EventRecorder.Severity, _ reason: String, _ message: String, container: String? = nil
  ) {
    if record.told.insert(key).inserted { tell(kind, reason, message, container: container) }
  }

  private func completeInitContainers() {
    guard record.initCompletedAt == nil else { return }
    record.initCompletedAt = .now()
    for container in pod.initContainers where !container.isSidecar {
      tellOnce(
        "init/\(container.name)", .normal, "InitContainerCompleted",
        "Init container \(container.name) was not run: in the lab it counts as completed at once")
    }
  }

  private func tellWhatIsSkipped() {
    let spec = observed["spec"]
    let volumes = spec["volumes"].elements.compactMap { $0["name"].string }.filter { !$0.hasPrefix("kube-api-access") }
    if !volumes.isEmpty {
      tellOnce(
        "volumes", .normal, "VolumesSkipped",
        "Volumes are not mounted in the lab: \(volumes.joined(separator: ", "))")
    }
  }
}
