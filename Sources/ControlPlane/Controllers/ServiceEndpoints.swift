internal import JSON
internal import Kubernetes

/// What a Service's selector, the pods and the nodes make of endpoints. Pure.
struct ServiceEndpoints {
  let service: KubernetesObject

  /// The families the Service has, as slices name them.
  var addressTypes: [String] {
    let families = service.spec["ipFamilies"].elements.compactMap(\.string)
    if !families.isEmpty { return families }
    let addresses = service.spec["clusterIPs"].elements.compactMap(\.string).filter { $0 != "None" && !$0.isEmpty }
    return addresses.isEmpty ? ["IPv4"] : addresses.map { $0.contains(":") ? "IPv6" : "IPv4" }
  }

  var isHeadless: Bool { ["None", "", nil].contains(service.spec["clusterIP"].string) }

  var publishesNotReady: Bool { service.spec["publishNotReadyAddresses"].bool ?? false }

  /// The annotation asks for hints in proportion to the zones' CPU (KEP-2433); it counts before `trafficDistribution`.
  var isTopologyAutomatic: Bool {
    let mode =
      service.annotations["service.kubernetes.io/topology-mode"]
      ?? service.annotations["service.kubernetes.io/topology-aware-hints"]
    return mode == "Auto" || mode == "auto"
  }

  /// Groups of endpoints with equal ports, one empty group for a family without any.
  ///
  /// A pod whose node there is not is left out, unless the Service publishes what is not ready: nobody keeps such a pod's
  /// state true any more.
  func groups(pods: [KubernetesObject], node: (String) -> KubernetesObject?) -> [EndpointSlicePlan.Group] {
    var groups: [EndpointSlicePlan.Group] = []
    for addressType in addressTypes {
      var byPorts: [String: EndpointSlicePlan.Group] = [:]
      for pod in pods where !pod.isTerminal {
        guard let address = address(of: pod, addressType) else { continue }
        let home = pod.nodeName.flatMap(node)
        guard home != nil || publishesNotReady else { continue }
        let ports = ports(of: pod)
        let zone = home?.labels[Self.zoneLabel].flatMap { $0.isEmpty ? nil : $0 }
        let json = endpoint(pod, address: address, zone: zone)
        let endpoint = EndpointSlicePlan.Endpoint(
          identity: Self.identity(json), json: json, hints: hints(zone: zone, node: pod.nodeName))
        byPorts[
          ports.canonicalText,
          default: EndpointSlicePlan.Group(addressType: addressType, ports: ports, endpoints: [])
        ].endpoints.append(endpoint)
      }
      if byPorts.isEmpty {
        groups.append(EndpointSlicePlan.Group(addressType: addressType, ports: [], endpoints: []))
      } else {
        groups += byPorts.sorted { $0.key < $1.key }.map(\.value)
      }
    }
    return groups
  }

  func address(of pod: KubernetesObject, _ addressType: String) -> String? {
    var addresses = pod.status["podIPs"].elements.compactMap { $0["ip"].string }
    if addresses.isEmpty, let address = pod.status["podIP"].string { addresses = [address] }
    return addresses.first { !$0.isEmpty && $0.contains(":") == (addressType == "IPv6") }
  }

  /// The pod's own name below the Service's, where it asks for one.
  func hostname(of pod: KubernetesObject) -> String? {
    guard pod.spec["subdomain"].string == service.name, pod.namespace == service.namespace else { return nil }
    return pod.spec["hostname"].string.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Whether traffic may be sent to the pod.
  func isReady(_ pod: KubernetesObject) -> Bool {
    publishesNotReady || (pod.isReady && !pod.isTerminating)
  }

  /// Whose clients should use the endpoint, by `trafficDistribution` (KEP-4444, KEP-3015); null for everybody's.
  private func hints(zone: String?, node: String?) -> JSON {
    var hints = JSON.null
    guard !isTopologyAutomatic else { return hints }
    switch service.spec["trafficDistribution"].string {
    case "PreferClose", "PreferSameZone":
      if let zone { hints["forZones"] = [["name": .string(zone)]] }
    case "PreferSameNode":
      if let zone { hints["forZones"] = [["name": .string(zone)]] }
      if let node { hints["forNodes"] = [["name": .string(node)]] }
    default: break
    }
    return hints
  }

  private func endpoint(_ pod: KubernetesObject, address: String, zone: String?) -> JSON {
    var json: JSON = [
      "addresses": [.string(address)],
      "conditions": [
        "ready": .bool(isReady(pod)), "serving": .bool(pod.isReady), "terminating": .bool(pod.isTerminating),
      ],
    ]
    if let hostname = hostname(of: pod) { json["hostname"] = .string(hostname) }
    if let node = pod.nodeName { json["nodeName"] = .string(node) }
    json["targetRef"] = Self.targetReference(pod)
    if let zone { json["zone"] = .string(zone) }
    return json
  }

  static func targetReference(_ pod: KubernetesObject) -> JSON {
    ["kind": "Pod", "namespace": .string(pod.namespace), "name": .string(pod.name), "uid": .string(pod.uid)]
  }

  /// The Service's ports as this pod has them; a named port the pod does not declare is left out.
  func ports(of pod: KubernetesObject) -> JSON {
    var ports: [JSON] = []
    for port in service.spec["ports"].elements {
      let transport = port["protocol"].string ?? "TCP"
      guard let number = Self.target(port, transport, pod) else { continue }
      var json: JSON = [
        "name": .string(port["name"].string ?? ""), "port": .count(number), "protocol": .string(transport),
      ]
      if let application = port["appProtocol"].string { json["appProtocol"] = .string(application) }
      ports.append(json)
    }
    return .array(ports)
  }

  private static func target(_ port: JSON, _ transport: String, _ pod: KubernetesObject) -> Int? {
    let target = port["targetPort"]
    if let number = target.int, number != 0 { return number }
    guard let name = target.string, !name.isEmpty else { return port["port"].int }
    if let number = Int(name) { return number }
    let sidecars = pod.spec["initContainers"].elements.filter { $0["restartPolicy"].string == "Always" }
    for container in pod.spec["containers"].elements + sidecars {
      for declared in container["ports"].elements
      where declared["name"].string == name && declared["protocol"].string ?? "TCP" == transport {
        return declared["containerPort"].int
      }
    }
    return nil
  }

  /// A slice's ports as `ports` writes them, with defaults filled in.
  static func normalized(_ ports: JSON) -> JSON {
    .array(
      ports.elements.map { port in
        var json: JSON = [
          "name": .string(port["name"].string ?? ""), "port": port["port"],
          "protocol": .string(port["protocol"].string ?? "TCP"),
        ]
        if let application = port["appProtocol"].string { json["appProtocol"] = .string(application) }
        return json
      })
  }

  /// Labels that a slice of this Service carries.
  func labels() -> [String: String] {
    var labels = service.labels
    labels["service.kubernetes.io/headless"] = isHeadless ? "" : nil
    labels[EndpointSliceWriter.serviceLabel] = service.name
    labels[EndpointSliceWriter.managerLabel] = EndpointSliceController.manager
    return labels
  }

  static let zoneLabel = "topology.kubernetes.io/zone"

  /// The identity of an endpoint as it stands in a slice: a pod that comes back with its name and address is the same
  /// endpoint, whose reference changes.
  static func identity(_ endpoint: JSON) -> String {
    let pod = endpoint["targetRef"]
    return [
      endpoint["addresses"][0].string ?? "", endpoint["hostname"].string ?? "", pod["namespace"].string ?? "",
      pod["name"].string ?? "",
    ].joined(separator: "/")
  }
}
