internal import JSON
internal import Kubernetes

/// The history of a StatefulSet's or DaemonSet's template as ControllerRevisions, which `kubectl rollout` reads.
struct TemplateRevisions {
  static let hashLabel = "controller-revision-hash"

  /// All revisions, oldest first.
  let all: [KubernetesObject]
  /// The one that holds the present template.
  let current: KubernetesObject

  /// Finds the revision of the owner's template, or makes it. A template of old that comes back becomes the newest.
  init(_ context: ControllerContext, _ owner: KubernetesObject, _ ownerType: ResourceType, selector: LabelSelector)
    throws
  {
    var revisions = try context.claim(
      .controllerRevisions, context.controllerRevisions.list(namespace: owner.namespace), owner: owner, ownerType,
      selector: selector
    ).sorted { Self.number($0) < Self.number($1) }
    let data = Self.data(owner.spec["template"])
    let next = (revisions.last.map(Self.number) ?? 0) + 1
    var found: KubernetesObject
    if let index = revisions.lastIndex(where: { $0.json["data"] == data }) {
      found = revisions[index]
      if index != revisions.count - 1 {
        found.json["revision"] = .count(next)
        found = try context.client.update(.controllerRevisions, found)
      }
    } else {
      found = try Self.create(context, owner, data, next)
    }
    revisions.removeAll { $0.name == found.name }
    revisions.append(found)
    current = found
    all = revisions
  }

  static func number(_ revision: KubernetesObject) -> Int { revision.json["revision"].int ?? 0 }

  static func data(_ template: JSON) -> JSON {
    var template = template
    template["$patch"] = "replace"
    return ["spec": ["template": template]]
  }

  /// The template a revision holds.
  static func template(_ revision: KubernetesObject) -> JSON {
    var template = revision.json["data", "spec", "template"]
    template["$patch"] = .null
    return template
  }

  private static func create(
    _ context: ControllerContext, _ owner: KubernetesObject, _ data: JSON, _ number: Int
  ) throws -> KubernetesObject {
    for salt in 0..<10 {
      let hash = NameSuffix.hash(data.canonicalText + (salt == 0 ? "" : String(salt)))
      var revision = KubernetesObject(
        .controllerRevisions, namespace: owner.namespace, name: "\(owner.name)-\(hash)")
      revision.labels = owner.spec["template", "metadata", "labels"].stringMap
      revision.labels[hashLabel] = hash
      revision.ownerReferences = [OwnerReference(controller: owner)]
      revision.json["data"] = data
      revision.json["revision"] = .count(number)
      do {
        return try context.client.create(.controllerRevisions, revision)
      } catch let status as APIStatus where status.isAlreadyExists {
        // Ours, which the cache does not show yet; or another template with the same hash.
        let other = try context.client.get(.controllerRevisions, namespace: owner.namespace, name: revision.name)
        if other.controller?.uid == owner.uid, other.json["data"] == data { return other }
      }
    }
    throw APIStatus(
      code: 409, reason: "Conflict",
      message: "\(owner.reference): no free name for a ControllerRevision of its template")
  }

  /// Deletes the oldest revisions beyond the limit that no pod and no status needs.
  func trim(_ context: ControllerContext, owner: KubernetesObject, keeping live: Set<String>) throws {
    let limit = owner.spec["revisionHistoryLimit"].int ?? 10
    let idle = all.filter { revision in
      revision.name != current.name && !live.contains(revision.name)
        && !live.contains(revision.labels[Self.hashLabel] ?? "")
    }
    for revision in idle.prefix(max(0, idle.count - limit)) {
      try context.client.delete(
        .controllerRevisions, namespace: revision.namespace, name: revision.name, .init(uid: revision.uid))
    }
  }
}
