internal import JSON
internal import Kubernetes
internal import Linux

/// Reads the slices of one manager from the cache and carries plans out.
struct EndpointSliceWriter: Sendable {
  static let serviceLabel = "kubernetes.io/service-name"
  static let managerLabel = "endpointslice.kubernetes.io/managed-by"

  let context: ControllerContext
  let tracker: WriteTracker
  /// Value of the managed-by label.
  let manager: String

  /// Whom slices belong to and what they carry.
  struct Owner {
    var object: KubernetesObject
    var labels: [String: String]
    /// Other annotations of a slice are removed, but for the trigger time.
    var annotations: [String: String] = [:]
    var triggerTime: Timestamp?
  }

  init(_ context: ControllerContext, queue: WorkQueue<NamespacedKey>, manager: String) {
    self.context = context
    self.manager = manager
    tracker = WriteTracker(context.endpointSlices, queue: queue)
  }

  /// Puts the Service of every changed slice of this manager into the queue.
  func observe(_ queue: WorkQueue<NamespacedKey>) {
    context.endpointSlices.observe { [manager] old, new in
      for slice in [old, new].compactMap(\.self) where slice.labels[Self.managerLabel] == manager {
        if let service = slice.labels[Self.serviceLabel] { queue.add(NamespacedKey(slice.namespace, service)) }
      }
    }
  }

  /// The manager's slices of a Service that are not ending.
  func slices(_ key: NamespacedKey) -> [KubernetesObject] {
    context.endpointSlices.list(ControllerContext.Index.service, key.description)
      .filter { $0.labels[Self.managerLabel] == manager && !$0.isTerminating }
  }

  static func planned(_ slice: KubernetesObject, _ owner: Owner) -> EndpointSlicePlan.Slice {
    var annotations = slice.annotations
    annotations[ChangeTriggerTimes.annotation] = nil
    return EndpointSlicePlan.Slice(
      name: slice.name, addressType: slice.json["addressType"].string ?? "",
      ports: ServiceEndpoints.normalized(slice.json["ports"]),
      endpoints: slice.json["endpoints"].elements.map { entry in
        var json = entry
        json["hints"] = .null
        return EndpointSlicePlan.Endpoint(
          identity: ServiceEndpoints.identity(entry), json: json, hints: entry["hints"])
      },
      isOutdated: slice.labels != owner.labels || annotations != owner.annotations,
      isForeign: !slice.ownerReferences.contains { $0.uid == owner.object.uid })
  }

  func carryOut(_ plan: EndpointSlicePlan, _ slices: [KubernetesObject], _ owner: Owner) throws {
    let key = owner.object.key
    let byName = Dictionary(uniqueKeysWithValues: slices.map { ($0.name, $0) })
    for content in plan.create {
      var slice = KubernetesObject(.endpointSlices, namespace: key.namespace, name: "")
      slice.json["metadata", "name"] = .null
      slice.json["metadata", "generateName"] = .string(key.name + "-")
      slice.json["addressType"] = .string(content.addressType)
      slice.ownerReferences = [OwnerReference(controller: owner.object)]
      Self.fill(&slice, content, owner)
      tracker.wrote(try context.client.create(.endpointSlices, slice), for: key)
    }
    for (name, content) in plan.update.sorted(by: { $0.key < $1.key }) {
      guard var slice = byName[name] else { continue }
      Self.fill(&slice, content, owner)
      tracker.wrote(try context.client.update(.endpointSlices, slice), for: key)
    }
    for name in plan.delete { if let slice = byName[name] { try delete(slice, for: key) } }
  }

  /// Deletes all slices of a Service.
  func deleteAll(_ key: NamespacedKey) throws { for slice in slices(key) { try delete(slice, for: key) } }

  private func delete(_ slice: KubernetesObject, for key: NamespacedKey) throws {
    try context.client.delete(.endpointSlices, namespace: slice.namespace, name: slice.name, .init(uid: slice.uid))
    tracker.deleted(slice, for: key)
  }

  private static func fill(_ slice: inout KubernetesObject, _ content: EndpointSlicePlan.Content, _ owner: Owner) {
    slice.json["ports"] = content.ports
    slice.json["endpoints"] = .array(content.endpoints.map(\.written))
    slice.labels = owner.labels
    slice.annotations = owner.annotations
    slice.annotations[ChangeTriggerTimes.annotation] = owner.triggerTime?.description
  }
}
