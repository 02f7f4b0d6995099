internal import JSON
internal import Kubernetes
internal import Linux

/// Tells in the status of each Ingress of ours where it is served: at the nodes that say of themselves that their gateway
/// runs. So a node need not write what is not its own. Where no node says so, somebody else tells, and nothing is changed.
/// Keys are Ingresses.
final class IngressStatusController: Controller {
  /// On a Node whose gateway serves; its value is always `true`.
  static let annotation = "swiftlet.dev/serves-ingresses"
  /// `spec.controller` of our IngressClasses, and the class that is ours without one.
  private static let controller = "swiftlet.dev/ingress"
  private static let className = "swiftlet"
  private static let isDefault = "ingressclass.kubernetes.io/is-default-class"

  let name = "ingress status"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext

  init(_ context: ControllerContext) { self.context = context }

  func observe() {
    queue.follow(context.ingresses)
    context.ingressClasses.observe { [weak self] _, _ in self?.addAll() }
    context.nodes.observe { [weak self] old, new in
      if Self.addresses(old) != Self.addresses(new) { self?.addAll() }
    }
  }

  private func addAll() { for ingress in context.ingresses.all { queue.add(ingress.key) } }

  /// Where a node's gateway serves; nil for a node without one.
  private static func addresses(_ node: KubernetesObject?) -> [String]? {
    guard let node, node.annotations[annotation] == "true", node.isTrue("Ready") else { return nil }
    return node.status["addresses"].elements.filter { $0["type"].string == "InternalIP" }.compactMap {
      $0["address"].string
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let ingress = context.ingresses.get(key), !ingress.isTerminating, isOurs(ingress) else { return }
    let gateways = context.nodes.all.sorted { $0.name < $1.name }.compactMap(Self.addresses)
    guard !gateways.isEmpty else { return }
    let entries: [JSON] = gateways.joined().map { ["ip": .string($0)] }
    guard ingress.status["loadBalancer", "ingress"].elements != entries else { return }
    var status: JSON = ingress.status.object == nil ? [:] : ingress.status
    status["loadBalancer"] = ["ingress": .array(entries)]
    try context.updateStatus(.ingresses, ingress, status)
  }

  /// By its class, or the legacy annotation; without either by the default class, of several the first by name.
  private func isOurs(_ ingress: KubernetesObject) -> Bool {
    if let name = ingress.spec["ingressClassName"].string ?? ingress.annotations["kubernetes.io/ingress.class"] {
      return context.ingressClasses.get("", name).map { $0.spec["controller"].string == Self.controller }
        ?? (name == Self.className)
    }
    let usual = context.ingressClasses.all.filter { $0.annotations[Self.isDefault] == "true" }
    return usual.min { $0.name < $1.name }?.spec["controller"].string == Self.controller
  }
}
