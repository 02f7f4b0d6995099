internal import JSON
internal import Synchronization

/// Writes the default IngressClass into Ingresses that name none (the DefaultIngressClass admission of kube-apiserver),
/// so that everybody sees whose they are and a later change of the default moves none of them.
package final class DefaultIngressClass: Admission {
  package let resources = ["ingressclasses.networking.k8s.io"]
  static let annotation = "ingressclass.kubernetes.io/is-default-class"
  /// The classes that are marked as default, and when each was created.
  private let defaults = Mutex<[String: String]>([:])

  package init() {}

  package func committed(_ event: StoreEvent) {
    guard event.object.key.resource == "ingressclasses.networking.k8s.io" else { return }
    let metadata = event.object.value["metadata"]
    let isDefault = event.kind != .deleted && metadata["annotations"][Self.annotation].string == "true"
    let created = metadata["creationTimestamp"].string ?? ""
    defaults.withLock { $0[metadata["name"].string ?? ""] = isDefault ? created : nil }
  }

  package func admit(_ review: inout AdmissionReview) throws {
    guard review.kind.qualifiedName == "ingresses.networking.k8s.io", review.old == nil,
      review.object["spec", "ingressClassName"].isNull,
      review.object["metadata", "annotations"]["kubernetes.io/ingress.class"].isNull
    else { return }
    // Of several, the newest; of those of one second, the first by name.
    let chosen = defaults.withLock { defaults in
      defaults.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }
    if let chosen { review.object["spec", "ingressClassName"] = .string(chosen) }
  }
}
