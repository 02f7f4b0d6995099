internal import Addressing
internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Compares the addresses and ports of Services with what is allocated (KEP-1880), by changes and every three minutes.
/// An IPAddress that is missing or says something else is made anew, one of a Service that is gone is removed after a
/// minute; addresses and ports out of range or with two Services are told by Events alone.
final class ServiceAddressRepair: Controller {
  /// What there is to look at.
  enum Key: Hashable, Sendable, CustomStringConvertible {
    case service(NamespacedKey)
    /// An IPAddress by name.
    case address(String)
    /// Everything.
    case all

    var description: String {
      switch self {
      case .service(let key): "Service \(key)"
      case .address(let name): "IPAddress \(name)"
      case .all: "all"
      }
    }
  }

  /// Seconds between two looks at everything.
  static let interval = 180.0
  /// Seconds an IPAddress without its Service may be old: who made it may be about to make the Service.
  static let orphanAge = 60.0

  let name = "service addresses"
  let queue = WorkQueue<Key>()
  private let context: ControllerContext
  private let nodePorts: ClosedRange<Int>

  init(_ context: ControllerContext, nodePorts: ClosedRange<Int>) {
    self.context = context
    self.nodePorts = nodePorts
  }

  func observe() {
    context.services.observe { [queue] old, new in
      guard let object = new ?? old else { return }
      // Labels and status change often, addresses hardly ever.
      if let old, let new, old.spec == new.spec { return }
      queue.add(.service(object.key))
      if new == nil {
        for address in ServiceAddress.addresses(ofService: object.json) { queue.add(.address("\(address)")) }
      }
    }
    context.serviceAddresses.observe { [queue] old, new in
      if let object = new ?? old { queue.add(.address(object.name)) }
    }
    queue.add(.all, after: Self.interval)
  }

  func reconcile(_ key: Key) throws {
    switch key {
    case .service(let key): try repair(service: key)
    case .address(let name): try repair(address: name)
    case .all:
      for service in context.services.all { queue.add(.service(service.key)) }
      for address in context.serviceAddresses.all { queue.add(.address(address.name)) }
      queue.add(.all, after: Self.interval)
    }
  }

  // MARK: Services

  private func repair(service key: NamespacedKey) throws {
    guard let service = context.services.get(key) else { return }
    for address in ServiceAddress.addresses(ofService: service.json) { try repair(address, of: service) }
    tellPorts(of: service)
  }

  private func repair(_ address: IPAddress, of service: KubernetesObject) throws {
    let family = address.family.name
    guard
      context.serviceRanges.all.flatMap({ ServiceRangeController.prefixes($0) }).contains(where: {
        $0.contains(address)
      })
    else {
      return tell(
        service, "ClusterIPOutOfRange",
        "Cluster IP [\(family)]: \(address) is not within any configured Service CIDR; please recreate service")
    }
    // The newest object: the cache hears of a Service and its IPAddress one after the other.
    guard let found = try context.client.find(.ipAddresses, name: "\(address)") else {
      guard try isCurrent(service) else { return }
      tell(service, "ClusterIPNotAllocated", "Cluster IP [\(family)]: \(address) is not allocated; repairing")
      return try make(address, for: service)
    }
    if ServiceAddress.belongs(found.json, namespace: service.namespace, name: service.name) {
      guard found.metadata["labels"] != ServiceAddress.labels(address), try isCurrent(service) else { return }
      if found.labels[ServiceAddress.managerLabel] == ServiceAddress.manager,
        found.labels[ServiceAddress.familyLabel] == family
      {
        return
      }
      tell(
        service, "IPAddressWrongLabels",
        "IPAddress: \(address) for Service \(service.key) has wrong labels; cleaning up")
      return try remake(found, address, for: service)
    }
    if let other = holder(found), ServiceAddress.addresses(ofService: other.json).contains(where: { $0 == address }) {
      return tell(
        service, "ClusterIPAlreadyAllocated",
        "Cluster IP [\(family)]: \(address) was assigned to multiple services; please recreate service")
    }
    guard try isCurrent(service) else { return }
    tell(
      service, "IPAddressWrongReference",
      "IPAddress: \(address) for Service \(service.key) has a wrong reference; cleaning up")
    try remake(found, address, for: service)
  }

  /// Whether the Service is still what the cache says.
  private func isCurrent(_ service: KubernetesObject) throws -> Bool {
    let fresh = try context.client.find(.services, namespace: service.namespace, name: service.name)
    return fresh?.spec["clusterIPs"] == service.spec["clusterIPs"]
  }

  /// The Service an IPAddress names, if it is there.
  private func holder(_ address: KubernetesObject) -> KubernetesObject? {
    let parent = address.spec["parentRef"]
    guard parent["resource"].string == "services" else { return nil }
    return context.services.get(parent["namespace"].string ?? "", parent["name"].string ?? "")
  }

  private func remake(_ found: KubernetesObject, _ address: IPAddress, for service: KubernetesObject) throws {
    try context.client.delete(.ipAddresses, name: found.name, .init(uid: found.uid))
    try make(address, for: service)
  }

  private func make(_ address: IPAddress, for service: KubernetesObject) throws {
    var object = KubernetesObject(.ipAddresses, name: "\(address)")
    object.json["metadata", "labels"] = ServiceAddress.labels(address)
    object.spec["parentRef"] = ServiceAddress.parent(namespace: service.namespace, name: service.name)
    try context.client.create(.ipAddresses, object)
  }

  // MARK: IPAddresses

  private func repair(address name: String) throws {
    guard let object = context.serviceAddresses.get("", name) else {
      // Somebody removed it: its Service, if it has one, gets it back.
      for service in context.services.list(ControllerContext.Index.clusterIP, name) { queue.add(.service(service.key)) }
      return
    }
    guard object.labels[ServiceAddress.managerLabel] == ServiceAddress.manager,
      object.spec["parentRef", "resource"].string == "services"
    else { return }
    if let service = holder(object),
      ServiceAddress.addresses(ofService: service.json).contains(where: { "\($0)" == name })
    {
      return
    }
    let age = Double(Timestamp.now().seconds - (object.creationTimestamp ?? .now()).seconds)
    guard age >= Self.orphanAge else { return queue.add(.address(name), after: Self.orphanAge - age + 0.1) }
    let parent = object.spec["parentRef"]
    let namespace = parent["namespace"].string ?? ""
    let serviceName = parent["name"].string ?? ""
    let service = try context.client.find(.services, namespace: namespace, name: serviceName)
    if let service, ServiceAddress.addresses(ofService: service.json).contains(where: { "\($0)" == name }) { return }
    tell(
      object, "IPAddressNotAllocated",
      "IPAddress: \(name) for Service \(namespace)/\(serviceName) appears to have leaked: cleaning up")
    try context.client.delete(.ipAddresses, name: name, .init(uid: object.uid))
  }

  // MARK: Ports

  /// What is taken follows from the Services, so there is nothing to repair: only what a change of the range or an older
  /// store left is told.
  private func tellPorts(of service: KubernetesObject) {
    for port in NodePortAllocator.ports(service.json).sorted() {
      if !nodePorts.contains(port) {
        tell(
          service, "PortOutOfRange",
          "Port \(port) is not within the port range \(nodePorts.lowerBound)-"
            + "\(nodePorts.upperBound); please recreate service")
      } else if context.services.list(ControllerContext.Index.nodePort, "\(port)").count > 1 {
        tell(service, "PortAlreadyAllocated", "Port \(port) was assigned to multiple services; please recreate service")
      }
    }
  }

  private func tell(_ object: KubernetesObject, _ reason: String, _ message: String) {
    context.events.record(object, .warning, reason: reason, message: message)
  }
}
