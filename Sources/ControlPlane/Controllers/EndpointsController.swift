internal import JSON
internal import Kubernetes
internal import Linux

/// Keeps the Endpoints object of Services with a selector, for clients that know no slices. Keys are Services.
final class EndpointsController: Controller {
  /// More addresses than this are left out, as in Kubernetes.
  static let capacity = 1000
  private static let truncated = "endpoints.kubernetes.io/over-capacity"

  let name = "endpoints"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let selectors: ServiceSelectors

  init(_ context: ControllerContext, selectors: ServiceSelectors) {
    self.context = context
    self.selectors = selectors
  }

  func observe() {
    queue.follow(context.services)
    selectors.observe { [queue] in queue.add($0) }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let service = context.services.get(key), !service.isTerminating else {
      // Endpoints carry no owner reference: they go with the Service.
      if context.services.get(key) == nil, context.endpoints.get(key) != nil {
        try context.client.delete(.endpoints, namespace: key.namespace, name: key.name)
      }
      return
    }
    guard service.spec["type"].string != "ExternalName", let selector = service.serviceSelector else { return }
    let pods = context.pods.list(namespace: key.namespace).filter { selector.matches($0.labels) }
    let (subsets, isTruncated) = Self.subsets(service, pods)
    var labels = service.labels
    labels["service.kubernetes.io/headless"] = ServiceEndpoints(service: service).isHeadless ? "" : nil
    // Slices are made from the pods, not mirrored from here.
    labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller"
    if var existing = context.endpoints.get(key) {
      var wanted = existing
      wanted.json["subsets"] = subsets.isEmpty ? .null : .array(subsets)
      wanted.labels = labels
      wanted.annotations[Self.truncated] = isTruncated ? "truncated" : nil
      if wanted == existing { return }
      existing = wanted
      try context.client.update(.endpoints, existing)
    } else {
      var endpoints = KubernetesObject(.endpoints, namespace: key.namespace, name: key.name)
      endpoints.labels = labels
      endpoints.json["subsets"] = subsets.isEmpty ? .null : .array(subsets)
      if isTruncated { endpoints.annotations[Self.truncated] = "truncated" }
      try context.client.create(.endpoints, endpoints)
    }
  }

  /// Addresses by equal ports, ready ones apart from those that are not. Pods that end are left out.
  static func subsets(_ service: KubernetesObject, _ pods: [KubernetesObject]) -> (subsets: [JSON], isTruncated: Bool) {
    let wanted = ServiceEndpoints(service: service)
    struct Subset {
      var ports: JSON
      var ready: [JSON] = []
      var notReady: [JSON] = []
    }
    var subsets: [String: Subset] = [:]
    var count = 0
    let isIPv6 = wanted.addressTypes.first == "IPv6"
    for pod in pods.sorted(by: { $0.key < $1.key }) where !pod.isTerminal && !pod.isTerminating {
      var addresses = pod.status["podIPs"].elements.compactMap { $0["ip"].string }
      if addresses.isEmpty, let address = pod.status["podIP"].string { addresses = [address] }
      guard let address = addresses.first(where: { !$0.isEmpty && $0.contains(":") == isIPv6 }) else { continue }
      count += 1
      if count > capacity { return (finish(), true) }
      var json: JSON = ["ip": .string(address)]
      if let hostname = wanted.hostname(of: pod) { json["hostname"] = .string(hostname) }
      if let node = pod.nodeName { json["nodeName"] = .string(node) }
      json["targetRef"] = ServiceEndpoints.targetReference(pod)
      let ports = wanted.ports(of: pod)
      var subset = subsets[ports.canonicalText] ?? Subset(ports: ports)
      if wanted.isReady(pod) { subset.ready.append(json) } else { subset.notReady.append(json) }
      subsets[ports.canonicalText] = subset
    }
    func finish() -> [JSON] {
      subsets.sorted { $0.key < $1.key }.map { _, subset in
        var json: JSON = [:]
        if !subset.ready.isEmpty { json["addresses"] = .array(subset.ready) }
        if !subset.notReady.isEmpty { json["notReadyAddresses"] = .array(subset.notReady) }
        // One unnamed port has no name here, as Endpoints always had it.
        json["ports"] = .array(
          subset.ports.elements.map { port in
            var port = port
            if port["name"].string == "" { port["name"] = .null }
            return port
          })
        return json
      }
    }
    return (finish(), false)
  }
}
