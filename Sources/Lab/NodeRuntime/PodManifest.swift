package import JSON
internal import Kubernetes

/// A Pod object as the node runtime reads it.
package struct PodManifest: Sendable {
  package let object: JSON

  package init(_ object: JSON) { self.object = object }

  package var namespace: String { object["metadata", "namespace"].string ?? "default" }
  package var name: String { object["metadata", "name"].string ?? "" }
  package var uid: String { object["metadata", "uid"].string ?? "" }
  package var id: String { "\(namespace)/\(name)" }
  package var annotations: [String: String] { object["metadata", "annotations"].stringMap }
  package var labels: [String: String] { object["metadata", "labels"].stringMap }

  var usesHostNetwork: Bool { object["spec", "hostNetwork"].bool ?? false }
  var isDeleted: Bool { object["metadata", "deletionTimestamp"].string != nil }
  /// Seconds that containers have between SIGTERM and SIGKILL; the deletion's own value once there is one.
  var gracePeriod: Double {
    let seconds =
      object["metadata", "deletionGracePeriodSeconds"].int ?? object["spec", "terminationGracePeriodSeconds"].int ?? 30
    // Deadlines are counted in whole seconds since the machine started: any 64-bit number may be asked for.
    return Double(Int32(clamping: seconds))
  }
  var restartPolicy: RestartPolicy { RestartPolicy(rawValue: object["spec", "restartPolicy"].string ?? "") ?? .always }

  /// The annotations `kubernetes.io/ingress-bandwidth` and `egress-bandwidth`, quantities of bits a second, as the
  /// capability `bandwidth` wants them; null without any. A value that is no quantity is handed on as it is, and the plugin
  /// says so.
  var bandwidth: JSON {
    var bandwidth: JSON = .null
    for direction in ["ingress", "egress"] {
      guard let text = annotations["kubernetes.io/\(direction)-bandwidth"] else { continue }
      bandwidth["\(direction)Rate"] = Quantity(text).map { .int($0.divided(by: .one)) } ?? .string(text)
    }
    return bandwidth
  }

  /// Init containers that go on beside the others (KEP-753), then the app's containers; in the order of their start.
  var runnableContainers: [ContainerManifest] {
    initContainers.filter(\.isSidecar) + containers
  }
  var containers: [ContainerManifest] { object["spec", "containers"].elements.map { ContainerManifest($0) } }
  var initContainers: [ContainerManifest] {
    object["spec", "initContainers"].elements.map { ContainerManifest($0, isInit: true) }
  }

  /// The pod's host name inside: `spec.hostname` or its name, cut to the 63 bytes a label may have.
  func hostname(nodeName: String) -> String {
    if usesHostNetwork { return nodeName }
    var label = object["spec", "hostname"].string ?? name
    if label.isEmpty { label = name }
    var short = String(label.utf8.prefix(63)) ?? label
    while let last = short.last, last == "-" || last == "." { short.removeLast() }
    return short
  }

  /// Host name with subdomain, namespace and cluster domain; nil without a subdomain.
  func fullyQualifiedName(nodeName: String, clusterDomain: String) -> String? {
    guard !usesHostNetwork, let subdomain = object["spec", "subdomain"].string, !subdomain.isEmpty else { return nil }
    return "\(hostname(nodeName: nodeName)).\(subdomain).\(namespace).svc.\(clusterDomain)"
  }

  /// What hostname(1) says inside: with `setHostnameAsFQDN` the full name, if the kernel's 64 bytes are enough.
  func kernelHostname(nodeName: String, clusterDomain: String) -> String {
    if object["spec", "setHostnameAsFQDN"].bool == true,
      let full = fullyQualifiedName(nodeName: nodeName, clusterDomain: clusterDomain), full.utf8.count <= 64
    {
      return full
    }
    return hostname(nodeName: nodeName)
  }

  /// Best-effort, Burstable or Guaranteed, as Kubernetes derives it from requests and limits of CPU and memory.
  var qualityOfService: String {
    var anySet = false
    var allEqual = true
    for container in containers + initContainers {
      let resources = container.object["resources"]
      for name in ["cpu", "memory"] {
        let limit = resources["limits", name]
        let request = resources["requests", name].isNull ? limit : resources["requests", name]
        if !limit.isNull || !request.isNull { anySet = true }
        if limit.isNull || Quantity(limit) == nil || Quantity(limit) != Quantity(request) { allEqual = false }
      }
    }
    return anySet ? (allEqual ? "Guaranteed" : "Burstable") : "BestEffort"
  }
}

/// `spec.restartPolicy`.
enum RestartPolicy: String, Sendable {
  case always = "Always"
  case onFailure = "OnFailure"
  case never = "Never"

  /// Whether a container that ended so is started again.
  func restarts(exitCode: Int) -> Bool {
    switch self {
    case .always: true
    case .onFailure: exitCode != 0
    case .never: false
    }
  }
}
