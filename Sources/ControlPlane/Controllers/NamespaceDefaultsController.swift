internal import JSON
internal import Kubernetes
internal import Linux

/// Makes what every namespace has: the ServiceAccount `default`, and the ConfigMap `kube-root-ca.crt` by which pods trust
/// the API server. Keys are namespaces.
final class NamespaceDefaultsController: Controller {
  static let configMapName = "kube-root-ca.crt"

  let name = "namespace defaults"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let rootCertificate: String?

  init(_ context: ControllerContext, rootCertificate: String?) {
    self.context = context
    self.rootCertificate = rootCertificate
  }

  func observe() {
    context.namespaces.observe { [queue] _, new in if let new { queue.add(new.key) } }
    context.serviceAccounts.observe { [queue] old, new in
      if new == nil, let old, old.name == "default" { queue.add(NamespacedKey("", old.namespace)) }
    }
    context.configMaps.observe { [queue] old, new in
      guard let object = new ?? old, object.name == Self.configMapName else { return }
      queue.add(NamespacedKey("", object.namespace))
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let namespace = context.namespaces.get(key), !namespace.isTerminating else { return }
    if context.serviceAccounts.get(key.name, "default") == nil {
      try create(.serviceAccounts, KubernetesObject(.serviceAccounts, namespace: key.name, name: "default"))
    }
    guard let rootCertificate else { return }
    let data: JSON = ["ca.crt": .string(rootCertificate)]
    if var existing = context.configMaps.get(key.name, Self.configMapName) {
      guard existing.json["data"] != data else { return }
      existing.json["data"] = data
      try context.client.update(.configMaps, existing)
    } else {
      var map = KubernetesObject(.configMaps, namespace: key.name, name: Self.configMapName)
      map.annotations = [
        "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver."
      ]
      map.json["data"] = data
      try create(.configMaps, map)
    }
  }

  private func create(_ type: ResourceType, _ object: KubernetesObject) throws {
    do {
      try context.client.create(type, object)
    } catch let status as APIStatus where status.isAlreadyExists || status.isNamespaceTerminating {
      return  // the cache was behind, or the namespace is going
    }
  }
}
