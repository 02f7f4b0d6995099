internal import JSON
internal import Kubernetes
internal import Linux

/// Keeps the pods of StatefulSets, each with its name, its place and its claims. Keys are StatefulSets.
final class StatefulSetController: Controller {
  static let podNameLabel = "statefulset.kubernetes.io/pod-name"
  static let indexLabel = "apps.kubernetes.io/pod-index"

  let name = "statefulsets"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let tracker: WriteTracker

  init(_ context: ControllerContext) {
    self.context = context
    tracker = WriteTracker(context.pods, queue: queue)
  }

  func observe() {
    queue.follow(context.statefulSets)
    queue.followOwners(of: context.pods, kind: "StatefulSet", in: context.statefulSets)
  }

  /// The ordinal in the name of a pod of this set.
  static func ordinal(_ pod: String, of set: String) -> Int? {
    guard pod.hasPrefix(set + "-") else { return nil }
    let digits = pod.dropFirst(set.count + 1)
    guard let ordinal = Int(digits), ordinal >= 0, String(ordinal) == digits else { return nil }
    return ordinal
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let set = context.statefulSets.get(key), !set.isTerminating, tracker.isSettled(key),
      let selector = context.selector(of: set)
    else { return }
    let candidates = context.pods.list(namespace: key.namespace)
      .filter { Self.ordinal($0.name, of: set.name) != nil }
    let pods = try context.claim(
      .pods, candidates, owner: set, .statefulSets, selector: selector)
    let revisions = try TemplateRevisions(context, set, .statefulSets, selector: selector)
    let update = revisions.current.name
    let currentName = set.status["currentRevision"].string ?? ""
    let current = revisions.all.first { $0.name == currentName } ?? revisions.current
    var byOrdinal: [Int: KubernetesObject] = [:]
    for pod in pods { if let ordinal = Self.ordinal(pod.name, of: set.name) { byOrdinal[ordinal] = pod } }
    let now = Timestamp.now()
    let input = StatefulSetPlan.Input(
      replicas: set.replicas, start: set.spec["ordinals", "start"].int ?? 0,
      isParallel: set.spec["podManagementPolicy"].string == "Parallel",
      isOnDelete: set.spec["updateStrategy", "type"].string == "OnDelete",
      partition: set.spec["updateStrategy", "rollingUpdate", "partition"].int,
      minReadySeconds: set.spec["minReadySeconds"].int ?? 0, currentRevision: current.name, updateRevision: update,
      currentReplicas: set.status["currentReplicas"].int ?? 0)
    let plan = StatefulSetPlan(input, pods: byOrdinal, now: now)
    for name in plan.delete {
      guard let pod = pods.first(where: { $0.name == name }) else { continue }
      try context.client.delete(.pods, namespace: key.namespace, name: name, .init(uid: pod.uid))
      tracker.deleted(pod, for: key)
      context.events.record(
        set, reason: "SuccessfulDelete", message: "delete Pod \(name) in StatefulSet \(set.name) successful")
    }
    for (ordinal, revision) in plan.create.sorted(by: { $0.key < $1.key }) {
      try create(set, ordinal, revision == current.name ? current : revisions.current)
    }
    if let recheck = plan.recheck { queue.add(key, after: recheck) }
    try writeStatus(set, pods, current.name, update, now)
    try revisions.trim(
      context, owner: set,
      keeping: Set(pods.compactMap { $0.labels[TemplateRevisions.hashLabel] } + [current.name, update]))
  }

  private func create(_ set: KubernetesObject, _ ordinal: Int, _ revision: KubernetesObject) throws {
    let pod = Self.pod(set, ordinal, revision)
    for claim in Self.claims(set, ordinal) where context.persistentVolumeClaims.get(claim.key) == nil {
      do {
        try context.client.create(.persistentVolumeClaims, claim)
        context.events.record(
          set, reason: "SuccessfulCreate",
          message: "create Claim \(claim.name) Pod \(pod.name) in StatefulSet \(set.name) success")
      } catch let status as APIStatus where status.isAlreadyExists {
        continue
      }
    }
    do {
      tracker.wrote(try context.client.create(.pods, pod), for: set.key)
      context.events.record(
        set, reason: "SuccessfulCreate", message: "create Pod \(pod.name) in StatefulSet \(set.name) successful")
    } catch let status as APIStatus {
      // The last pod of this name may be about to go.
      if !status.isAlreadyExists, !status.isNamespaceTerminating {
        context.events.record(
          set, .warning, reason: "FailedCreate",
          message: "create Pod \(pod.name) in StatefulSet \(set.name) failed error: \(status.message)")
      }
      throw status
    }
  }

  static func pod(_ set: KubernetesObject, _ ordinal: Int, _ revision: KubernetesObject) -> KubernetesObject {
    let name = "\(set.name)-\(ordinal)"
    var pod = PodTemplate.pod(TemplateRevisions.template(revision), owner: set, name: name)
    pod.labels[podNameLabel] = name
    pod.labels[indexLabel] = String(ordinal)
    pod.labels[TemplateRevisions.hashLabel] = revision.name
    pod.spec["hostname"] = .string(name)
    if let service = set.spec["serviceName"].string, !service.isEmpty { pod.spec["subdomain"] = .string(service) }
    let claims = set.spec["volumeClaimTemplates"].elements.compactMap { $0["metadata", "name"].string }
    if !claims.isEmpty {
      let others = pod.spec["volumes"].elements.filter { !claims.contains($0["name"].string ?? "") }
      let own = claims.map { claim -> JSON in
        ["name": .string(claim), "persistentVolumeClaim": ["claimName": .string("\(claim)-\(name)")]]
      }
      pod.spec["volumes"] = .array(own + others)
    }
    return pod
  }

  static func claims(_ set: KubernetesObject, _ ordinal: Int) -> [KubernetesObject] {
    set.spec["volumeClaimTemplates"].elements.map { template in
      let templateName = template["metadata", "name"].string ?? ""
      var claim = KubernetesObject(
        .persistentVolumeClaims, namespace: set.namespace, name: "\(templateName)-\(set.name)-\(ordinal)")
      claim.labels = template["metadata", "labels"].stringMap
        .merging(set.spec["selector", "matchLabels"].stringMap) { _, selector in selector }
      claim.annotations = template["metadata", "annotations"].stringMap
      claim.spec = template["spec"]
      return claim
    }
  }

  private func writeStatus(
    _ set: KubernetesObject, _ pods: [KubernetesObject], _ current: String, _ update: String, _ now: Timestamp
  ) throws {
    let minReadySeconds = set.spec["minReadySeconds"].int ?? 0
    let living = pods.filter { !$0.isTerminating && !$0.isTerminal }
    func count(_ revision: String) -> Int { living.count { $0.labels[TemplateRevisions.hashLabel] == revision } }
    let ready = living.count { $0.phase == "Running" && $0.isReady }
    let updated = count(update)
    var status: JSON = set.status.object == nil ? [:] : set.status
    status["observedGeneration"] = .count(set.generation)
    status["replicas"] = .count(pods.count { !$0.isTerminal })
    status["readyReplicas"] = .count(ready)
    status["availableReplicas"] = .count(
      living.count { $0.phase == "Running" && $0.isAvailable(minReadySeconds: minReadySeconds, now: now) })
    status["updatedReplicas"] = .count(updated)
    status["updateRevision"] = .string(update)
    let isComplete =
      set.spec["updateStrategy", "type"].string != "OnDelete" && updated == set.replicas && ready == set.replicas
    status["currentRevision"] = .string(isComplete ? update : current)
    status["currentReplicas"] = .count(isComplete ? updated : count(current))
    status["collisionCount"] = .count(set.status["collisionCount"].int ?? 0)
    try context.updateStatus(.statefulSets, set, status)
  }
}
