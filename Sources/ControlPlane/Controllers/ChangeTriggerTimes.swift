internal import Kubernetes
internal import Synchronization

/// Since when a Service's endpoints are due to change: what the annotation `endpoints.kubernetes.io/last-change-trigger-time`
/// tells, from which agents measure how long a change takes until it is programmed.
final class ChangeTriggerTimes: Sendable {
  static let annotation = "endpoints.kubernetes.io/last-change-trigger-time"

  private struct State {
    var service: Timestamp?
    var pods: [String: Timestamp] = [:]
  }

  private let states = Mutex<[NamespacedKey: State]>([:])

  /// The earliest of the moments that are new since the last call: of a pod becoming ready or not, of the Service itself.
  /// Nil where nothing is new, as when a pod has gone.
  func next(_ service: KubernetesObject, _ pods: [KubernetesObject]) -> Timestamp? {
    var state = State(service: service.creationTimestamp)
    for pod in pods {
      if let since = pod.condition("Ready")["lastTransitionTime"].string.flatMap({ Timestamp($0) }) {
        state.pods[pod.name] = since
      }
    }
    let before = states.withLock { states in states.updateValue(state, forKey: service.key) }
    guard let before else { return state.service }
    var new = state.pods.filter { name, time in before.pods[name].map { time > $0 } ?? true }.map(\.value)
    if let created = state.service, before.service.map({ created > $0 }) ?? true { new.append(created) }
    return new.min()
  }

  func forget(_ key: NamespacedKey) { states.withLock { $0[key] = nil } }
}
