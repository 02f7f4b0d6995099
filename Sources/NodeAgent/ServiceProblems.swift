internal import ClusterModel
internal import Kubernetes
internal import Linux
internal import ServiceProxy
internal import Synchronization

/// Tells whoever made a Service why it is not served: an Event about it, and a line in the log, each once.
final class ServiceProblems: Sendable {
  /// So many frontends of one Service are named: each becomes an Event, and a Service may have ten thousand ports.
  private static let mostNamed = 10

  private let recorder: EventRecorder?
  private let log: Log
  private let told = Mutex<Set<String>>([])

  init(_ recorder: EventRecorder?, log: Log = Log("agent services")) {
    self.recorder = recorder
    self.log = log
  }

  func tell(refused: [NamespacedName: String], waiting: [FrontendKey: [NamespacedName]]) {
    // The usual case, once for each change of a cluster.
    if refused.isEmpty, waiting.isEmpty, told.withLock({ $0.isEmpty }) { return }
    var problems: [String: (NamespacedName, reason: String, text: String)] = [:]
    for (service, reason) in refused {
      problems["\(service) refused \(reason)"] = (service, "ServiceRefused", "the node cannot program it: \(reason)")
    }
    var frontends: [NamespacedName: [FrontendKey]] = [:]
    for (frontend, services) in waiting { for service in services { frontends[service, default: []].append(frontend) } }
    for (service, waiting) in frontends {
      for frontend in waiting.sorted().prefix(Self.mostNamed) {
        problems["\(service) waits \(frontend)"] = (
          service, "FrontendTaken", "another Service has \(frontend); connections go to that one"
        )
      }
      if waiting.count > Self.mostNamed {
        problems["\(service) waits for more"] = (
          service, "FrontendTaken",
          "another Service has \(waiting.count - Self.mostNamed) more of its addresses and ports"
        )
      }
    }
    let new = told.withLock { told in
      defer { told = Set(problems.keys) }
      return problems.filter { !told.contains($0.key) }
    }
    for (service, reason, text) in new.values {
      log.warning("Service \(service): \(text)")
      recorder?.record(
        ObjectReference(kind: "Service", namespace: service.namespace, name: service.name, uid: ""), .warning,
        reason: reason,
        message: text)
    }
  }
}

extension ObjectReference {
  /// The Service or EndpointSlice that a problem of the model names; nil for other kinds.
  init?(of problem: ModelError) {
    let words = problem.object.split(separator: " ")
    guard words.count == 2, let slash = words[1].firstIndex(of: "/") else { return nil }
    let versions = ["Service": "v1", "EndpointSlice": "discovery.k8s.io/v1"]
    guard let version = versions[String(words[0])] else { return nil }
    self.init(
      apiVersion: version, kind: String(words[0]), namespace: String(words[1][..<slash]),
      name: String(words[1][words[1].index(after: slash)...]), uid: "")
  }
}
