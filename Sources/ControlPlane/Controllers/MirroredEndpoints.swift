internal import Addressing
internal import JSON
internal import Kubernetes

/// The slices of a Service without a selector, from the Endpoints that somebody wrote for it. Pure.
struct MirroredEndpoints {
  /// Addresses of one subset beyond this are not mirrored.
  static let capacity = 1000

  let endpoints: KubernetesObject

  /// Whether Endpoints are meant to be mirrored: not those that say no, and not the locks of leader elections.
  var isMirrored: Bool {
    endpoints.labels["endpointslice.kubernetes.io/skip-mirror"] != "true"
      && endpoints.annotations["control-plane.alpha.kubernetes.io/leader"] == nil
  }

  var labels: [String: String] {
    var labels = endpoints.labels
    labels["service.kubernetes.io/headless"] = nil
    labels[EndpointSliceWriter.serviceLabel] = endpoints.name
    labels[EndpointSliceWriter.managerLabel] = EndpointSliceMirroringController.manager
    return labels
  }

  var annotations: [String: String] {
    var annotations = endpoints.annotations
    annotations["kubectl.kubernetes.io/last-applied-configuration"] = nil
    annotations[ChangeTriggerTimes.annotation] = nil
    return annotations
  }

  /// Groups by family and ports, how many addresses were too many, and which are no addresses.
  func groups() -> (groups: [EndpointSlicePlan.Group], skipped: Int, invalid: [String]) {
    var groups: [String: EndpointSlicePlan.Group] = [:]
    var skipped = 0
    var invalid: [String] = []
    for subset in endpoints.json["subsets"].elements {
      let ports = ServiceEndpoints.normalized(subset["ports"])
      let addresses =
        subset["addresses"].elements.map { ($0, true) } + subset["notReadyAddresses"].elements.map { ($0, false) }
      skipped += max(0, addresses.count - Self.capacity)
      for (entry, isReady) in addresses.prefix(Self.capacity) {
        let text = entry["ip"].string ?? ""
        guard let address = IPAddress(text) else {
          invalid.append(text)
          continue
        }
        let addressType = address.family == .v4 ? "IPv4" : "IPv6"
        let json = Self.endpoint(entry, isReady: isReady)
        let endpoint = EndpointSlicePlan.Endpoint(identity: ServiceEndpoints.identity(json), json: json)
        groups[
          "\(addressType) \(ports.canonicalText)",
          default: EndpointSlicePlan.Group(addressType: addressType, ports: ports, endpoints: [])
        ].endpoints.append(endpoint)
      }
    }
    return (groups.sorted { $0.key < $1.key }.map(\.value), skipped, invalid)
  }

  private static func endpoint(_ entry: JSON, isReady: Bool) -> JSON {
    var json: JSON = ["addresses": [entry["ip"]], "conditions": ["ready": .bool(isReady)]]
    for field in ["hostname", "nodeName"] {
      if let value = entry[field].string, !value.isEmpty { json[field] = .string(value) }
    }
    if !entry["targetRef"].isNull { json["targetRef"] = entry["targetRef"] }
    return json
  }
}
