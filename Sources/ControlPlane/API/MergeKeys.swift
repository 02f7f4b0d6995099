/// Which lists of the built-in objects are merged instead of replaced, and by what.
enum MergeKeys {
  enum Strategy: Equatable {
    /// Elements are told apart by a field.
    case key(String)
    /// Elements are plain values, each there once.
    case values
  }

  /// Field of a message → how strategic merge patches treat the list.
  private static let table: [String: Strategy] = [
    "PodSpec.containers": .key("name"), "PodSpec.initContainers": .key("name"),
    "PodSpec.ephemeralContainers": .key("name"), "PodSpec.volumes": .key("name"),
    "PodSpec.imagePullSecrets": .key("name"), "PodSpec.schedulingGates": .key("name"),
    "PodSpec.resourceClaims": .key("name"), "PodSpec.hostAliases": .key("ip"),
    "PodSpec.topologySpreadConstraints": .key("topologyKey"),
    "PodStatus.conditions": .key("type"), "PodStatus.podIPs": .key("ip"), "PodStatus.hostIPs": .key("ip"),
    "PodStatus.resourceClaimStatuses": .key("name"),
    "Container.env": .key("name"), "Container.ports": .key("containerPort"),
    "Container.volumeMounts": .key("mountPath"),
    "Container.volumeDevices": .key("devicePath"),
    "EphemeralContainer.env": .key("name"), "EphemeralContainer.ports": .key("containerPort"),
    "EphemeralContainer.volumeMounts": .key("mountPath"), "EphemeralContainer.volumeDevices": .key("devicePath"),
    "ServiceSpec.ports": .key("port"), "ServiceStatus.conditions": .key("type"),
    "ServiceAccount.secrets": .key("name"),
    "NodeStatus.conditions": .key("type"), "NodeStatus.addresses": .key("type"), "NodeSpec.podCIDRs": .values,
    "NamespaceStatus.conditions": .key("type"),
    "DeploymentStatus.conditions": .key("type"), "ReplicaSetStatus.conditions": .key("type"),
    "StatefulSetStatus.conditions": .key("type"), "DaemonSetStatus.conditions": .key("type"),
    "ReplicationControllerStatus.conditions": .key("type"), "JobStatus.conditions": .key("type"),
    "PersistentVolumeClaimStatus.conditions": .key("type"),
    "PodDisruptionBudgetStatus.conditions": .key("type"),
    "ObjectMeta.ownerReferences": .key("uid"), "ObjectMeta.finalizers": .values,
  ]

  /// Objects whose fields a patch may ask to be dropped unless it names them (`$retainKeys`).
  static let retainKeys: Set<String> = ["PodSpec.volumes", "DeploymentSpec.strategy"]

  /// The vendor extensions by which schemas tell it to clients that merge by them.
  static func extensions(_ message: String, _ field: String) -> [(name: String, value: String)] {
    var words: [String] = []
    var extensions: [(String, String)] = []
    switch strategy(message, field) {
    case .key(let key):
      extensions.append(("x-kubernetes-patch-merge-key", key))
      words.append("merge")
    case .values: words.append("merge")
    case nil: break
    }
    if retainKeys.contains("\(message).\(field)") { words.append("retainKeys") }
    if !words.isEmpty { extensions.append(("x-kubernetes-patch-strategy", words.joined(separator: ","))) }
    return extensions
  }

  static func strategy(_ message: String, _ field: String) -> Strategy? { table["\(message).\(field)"] }
}
