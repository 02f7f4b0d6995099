internal import Addressing
internal import JSON
internal import Kubernetes

/// What a Service of type LoadBalancer wants of the pools.
struct LoadBalancerRequest: Hashable, Sendable {
  static let loadBalancerClass = "swiftlet.dev/load-balancer"
  /// Addresses it asks for, at most one a family, with commas between; before `spec.loadBalancerIP`, which knows one.
  static let addressesAnnotation = "swiftlet.dev/load-balancer-ips"
  /// The pool it wants an address of.
  static let poolAnnotation = "swiftlet.dev/load-balancer-pool"
  /// Services of one namespace with the same key may share an address.
  static let sharingAnnotation = "swiftlet.dev/load-balancer-sharing-key"

  var key: NamespacedKey
  var labels: [String: String] = [:]
  var namespaceLabels: [String: String] = [:]
  /// The primary one first.
  var families: [IPFamily] = [.v4]
  /// Every family must have an address; otherwise one is enough.
  var needsAllFamilies = false
  var requested: [IPAddress] = []
  /// What of the request cannot be read.
  var fault: String?
  var pool: String?
  var sharingKey: String?
  /// `TCP/80`; two Services that share an address have none in common.
  var ports: Set<String> = []
  /// With `externalTrafficPolicy: Local` the pods an address leads to: who shares it must lead to the same ones, since one
  /// node announces it. Nil with `Cluster`.
  var localSelector: [String: String]?

  init(key: NamespacedKey) { self.key = key }

  init(_ service: KubernetesObject, namespaceLabels: [String: String]) {
    key = service.key
    labels = service.labels
    self.namespaceLabels = namespaceLabels
    let named = service.spec["ipFamilies"].elements.compactMap { name in
      IPFamily.allCases.first { $0.name == name.string }
    }
    if !named.isEmpty { families = named }
    needsAllFamilies = service.spec["ipFamilyPolicy"].string != "PreferDualStack"
    let annotations = service.annotations
    let text = annotations[Self.addressesAnnotation] ?? service.spec["loadBalancerIP"].string ?? ""
    for part in text.split(separator: ",") {
      let word = part.filter { $0 != " " }
      if let address = IPAddress(word) {
        requested.append(address)
      } else {
        fault = "\"\(word)\" is no IP address"
      }
    }
    if Set(requested.map(\.family)).count < requested.count { fault = "asks for two addresses of one family" }
    for address in requested where !families.contains(address.family) {
      fault = "asks for \(address), but its spec.ipFamilies has no \(address.family.name)"
    }
    pool = annotations[Self.poolAnnotation]
    sharingKey = annotations[Self.sharingAnnotation].flatMap { $0.isEmpty ? nil : $0 }
    ports = Set(service.spec["ports"].elements.map { "\($0["protocol"].string ?? "TCP")/\($0["port"].int ?? 0)" })
    if service.spec["externalTrafficPolicy"].string == "Local" {
      localSelector = service.spec["selector"].stringMap
    }
  }

  /// Whether both may have one address.
  func canShare(with other: LoadBalancerRequest) -> Bool {
    sharingKey != nil && sharingKey == other.sharingKey && key.namespace == other.key.namespace
      && ports.isDisjoint(with: other.ports) && localSelector == other.localSelector
  }
}
