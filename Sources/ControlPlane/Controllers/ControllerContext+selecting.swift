internal import Kubernetes

extension ControllerContext {
  static func labelIndex(_ namespace: String, _ key: String, _ value: String) -> String {
    "\(namespace)/\(key)=\(value)"
  }

  /// The pods a Service selects, in no order. Only those with the rarest label of its selector are looked at.
  func pods(of service: KubernetesObject) -> [KubernetesObject] {
    guard let selector = service.serviceSelector else { return [] }
    let indexes = service.spec["selector"].stringMap.map { Self.labelIndex(service.namespace, $0.key, $0.value) }
    guard let rarest = indexes.min(by: { pods.count(Index.label, $0) < pods.count(Index.label, $1) }) else { return [] }
    return pods.list(Index.label, rarest).filter { selector.matches($0.labels) }
  }
}
