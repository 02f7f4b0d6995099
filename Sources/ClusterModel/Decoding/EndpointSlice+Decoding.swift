internal import Addressing
internal import JSON
internal import Kubernetes

extension EndpointSlice: APIDecodable {
  package static var kind: String { "EndpointSlice" }

  /// The label that says which Service a slice belongs to.
  static var serviceLabel: String { "kubernetes.io/service-name" }

  /// The label of slices that belong to a headless Service, whatever its value (well-known labels of Kubernetes).
  private static var headlessLabel: String { "service.kubernetes.io/headless" }

  private static var triggerAnnotation: String { "endpoints.kubernetes.io/last-change-trigger-time" }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    let json = reader.json
    guard let service = json["metadata", "labels"][Self.serviceLabel].string, !service.isEmpty else {
      throw reader.error(
        "metadata.labels[\(Self.serviceLabel)]", json["metadata", "labels"][Self.serviceLabel],
        expected: "the name of the slice's Service")
    }
    guard let family = IPFamily.allCases.first(where: { $0.name == json["addressType"].string }) else {
      throw reader.error("addressType", json["addressType"], expected: "IPv4 or IPv6")
    }
    self.init(id: reader.id, service: NamespacedName(reader.id.namespace, service), family: family)
    isHeadless = json["metadata", "labels"].stringMap[Self.headlessLabel] != nil
    // Only for a metric: a time that is none is no reason to bother anyone.
    changeTriggered =
      json["metadata", "annotations"][Self.triggerAnnotation].string.flatMap(Timestamp.init)?.nanoseconds
    for (index, entry) in json["ports"].elements.enumerated() where !entry["port"].isNull {
      guard let transport = reader.transport(entry["protocol"], "ports[\(index)].protocol"),
        let port = reader.port(entry["port"], "ports[\(index)].port")
      else { continue }
      ports.append(Port(name: entry["name"].string ?? "", transport: transport, port: port))
    }
    let entries = json["endpoints"].elements
    // Of a large cluster these arrays are most of what an agent keeps: no room to grow.
    endpoints.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      if let endpoint = Self.endpoint(entry, index, family, &reader) { endpoints.append(endpoint) }
    }
  }

  private static func endpoint(
    _ entry: JSON, _ index: Int, _ family: IPFamily, _ reader: inout ObjectReader
  ) -> Endpoint? {
    var addresses: [IPAddress] = []
    for (position, value) in entry["addresses"].elements.enumerated() {
      guard let address = reader.address(value, "endpoints[\(index)].addresses[\(position)]") else { continue }
      if address.family == family {
        addresses.append(address)
      } else {
        reader.warn(
          "endpoints[\(index)].addresses[\(position)]", value, expected: "an address of the slice's \(family.name)")
      }
    }
    guard let first = addresses.first else { return nil }
    var endpoint = Endpoint(first, others: Array(addresses.dropFirst()))
    let conditions = entry["conditions"]
    endpoint.isReady = conditions["ready"].bool ?? true
    endpoint.isServing = conditions["serving"].bool ?? endpoint.isReady
    endpoint.isTerminating = conditions["terminating"].bool ?? false
    if let name = entry["hostname"].string, !name.isEmpty { endpoint.hostname = name }
    endpoint.node = entry["nodeName"].string
    let hints = entry["hints"]
    if !hints.isNull {
      endpoint.hintedZones = Set(hints["forZones"].elements.compactMap { $0["name"].string })
      endpoint.hintedNodes = Set(hints["forNodes"].elements.compactMap { $0["name"].string })
    }
    return endpoint
  }
}
