internal import JSON
internal import Kubernetes

/// What a deletion asks for: from its body, or from the query.
struct DeletionRequest {
  private let body: JSON
  private let graceSeconds: Int?
  private let propagation: String?

  init(_ request: ResourceRequest, handler: APIHandler) throws(StatusError) {
    var body: JSON = .null
    if !request.request.body.isEmpty { body = try handler.document(request) }
    try self.init(body: body, target: request.target)
  }

  init(body: JSON, target: RequestTarget) throws(StatusError) {
    self.body = body
    let queried = try target.number("gracePeriodSeconds")
    graceSeconds = body["gracePeriodSeconds"].int ?? queried
    let orphans = target["orphanDependents"] == nil ? nil : target.flag("orphanDependents")
    if let orphan = body["orphanDependents"].bool ?? orphans {
      propagation = orphan ? "Orphan" : "Background"
    } else {
      propagation = body["propagationPolicy"].string ?? target["propagationPolicy"]
    }
    if let graceSeconds, graceSeconds < 0 {
      throw .badRequest("gracePeriodSeconds: found \(graceSeconds), must be greater than or equal to 0")
    }
    if let propagation, !["", "Foreground", "Background", "Orphan"].contains(propagation) {
      throw .badRequest(
        "propagationPolicy: found \"\(propagation)\", expected \"Foreground\", \"Background\" or \"Orphan\"")
    }
  }

  var isDryRun: Bool { !body["dryRun"].elements.isEmpty }

  func checkPreconditions(_ current: StoredObject, kind: ResourceKind) throws(StatusError) {
    let uid = current.value["metadata", "uid"].string ?? ""
    if let wanted = body["preconditions", "uid"].string, wanted != uid {
      throw .conflict(
        kind, current.key.name, "Precondition failed: UID in precondition: \(wanted), UID in object meta: \(uid)")
    }
    if let wanted = body["preconditions", "resourceVersion"].string, wanted != String(current.revision) {
      throw .conflict(
        kind, current.key.name,
        "Precondition failed: ResourceVersion in precondition: \(wanted), ResourceVersion in object meta: \(current.revision)"
      )
    }
  }

  /// The two policies that the garbage collector carries out are remembered as finalizers.
  func applyPropagation(to object: inout JSON) {
    let ours = ["orphan", "foregroundDeletion"]
    guard let propagation, !propagation.isEmpty else { return }
    var finalizers = object["metadata", "finalizers"].elements.filter { !ours.contains($0.string ?? "") }
    if propagation == "Orphan" { finalizers.append("orphan") }
    if propagation == "Foreground" { finalizers.append("foregroundDeletion") }
    object["metadata", "finalizers"] = finalizers.isEmpty ? .null : .array(finalizers)
  }

  /// Seconds a pod may take to end: none where no node runs it any more.
  func grace(ofPod pod: JSON) -> Int {
    if (pod["spec", "nodeName"].string ?? "").isEmpty { return 0 }
    if ["Succeeded", "Failed"].contains(pod["status", "phase"].string) { return 0 }
    return graceSeconds ?? pod["spec", "terminationGracePeriodSeconds"].int ?? 30
  }
}
