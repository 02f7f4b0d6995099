internal import Addressing
internal import Kubernetes
internal import Linux

/// What all pods of a node share.
final class NodeServices: Sendable {
  /// What this runtime calls itself where Kubernetes expects a kubelet's version: the one of the API server beside it.
  static let kubeletVersion = "v1.36.0+swiftlet"
  /// The same without prefix and suffix, for `User-Agent`.
  static let kubernetesVersion = String(kubeletVersion.dropFirst().prefix { $0 != "+" })
  static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  let configuration: NodeRuntimeConfiguration
  let client: APIClient
  let events: EventRecorder
  let watcher: ProcessWatcher
  let probes: ProbeRunner
  let hooks: HookRunner
  let logClock: LogClock
  /// Pods, by uid, that have something to do.
  let queue: WorkQueue<String>
  /// Allocatable resources, as the Node object shows them.
  let allocatable: [String: String]

  init(
    _ configuration: NodeRuntimeConfiguration, _ client: APIClient, events: EventRecorder, watcher: ProcessWatcher,
    probes: ProbeRunner, hooks: HookRunner, logClock: LogClock, queue: WorkQueue<String>, allocatable: [String: String]
  ) {
    self.configuration = configuration
    self.client = client
    self.events = events
    self.watcher = watcher
    self.probes = probes
    self.hooks = hooks
    self.logClock = logClock
    self.queue = queue
    self.allocatable = allocatable
  }

  var hostAddresses: [String] { configuration.nodeAddresses.map(\.description) }

  func log(_ text: String) { configuration.log(text) }

  /// A control group of a pod, or of one of its processes; nil if the configuration asks for none.
  func controlGroup(_ uid: String, _ name: String? = nil) -> ControlGroup? {
    configuration.controlGroup.map { ControlGroup(path: "\($0)/\(uid)" + (name.map { "/\($0)" } ?? "")) }
  }
}
