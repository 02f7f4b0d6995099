internal import Addressing
internal import JSON

extension Service: APIDecodable {
  package static var kind: String { "Service" }

  /// `sessionAffinityConfig.clientIP.timeoutSeconds` where it is not given: three hours.
  private static var defaultAffinityTimeout: Int { 10_800 }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    self.init(id: reader.id)
    let spec = reader.json["spec"]
    labels = reader.labels
    selector = spec["selector"].stringMap
    if !spec["type"].isNull {
      guard let found = spec["type"].string.flatMap(Kind.init(rawValue:)) else {
        throw reader.error(
          "spec.type", spec["type"], expected: "ClusterIP, NodePort, LoadBalancer or ExternalName")
      }
      kind = found
    }
    if kind == .externalName {
      externalName = spec["externalName"].string
    } else {
      readClusterAddresses(spec, &reader)
    }
    for (index, entry) in spec["ports"].elements.enumerated() {
      if let port = Self.port(entry, "spec.ports[\(index)]", &reader) { ports.append(port) }
    }
    for (index, value) in spec["externalIPs"].elements.enumerated() {
      if let address = reader.address(value, "spec.externalIPs[\(index)]") { externalAddresses.append(address) }
    }
    for (index, value) in spec["loadBalancerSourceRanges"].elements.enumerated() {
      if let range = reader.prefix(value, "spec.loadBalancerSourceRanges[\(index)]") { sourceRanges.append(range) }
    }
    for (index, entry) in reader.json["status", "loadBalancer", "ingress"].elements.enumerated()
    where !entry["ip"].isNull && entry["ipMode"].string != "Proxy" {
      if let address = reader.address(entry["ip"], "status.loadBalancer.ingress[\(index)].ip") {
        loadBalancerAddresses.append(address)
      }
    }
    isAddressPooled = reader.json["status", "conditions"].elements.contains {
      $0["type"].string == "swiftlet.dev/AddressesAllocated" && $0["status"].string == "True"
    }
    if spec["sessionAffinity"].string == "ClientIP" {
      affinityTimeout =
        spec["sessionAffinityConfig", "clientIP", "timeoutSeconds"].int ?? Self.defaultAffinityTimeout
    }
    isInternalTrafficLocal = spec["internalTrafficPolicy"].string == "Local"
    isExternalTrafficLocal = spec["externalTrafficPolicy"].string == "Local"
    if !spec["healthCheckNodePort"].isNull, spec["healthCheckNodePort"].int != 0 {
      healthCheckNodePort = reader.port(spec["healthCheckNodePort"], "spec.healthCheckNodePort")
    }
    isProxied = labels["service.kubernetes.io/service-proxy-name"] == nil
    publishNotReadyAddresses = spec["publishNotReadyAddresses"].bool ?? false
  }

  private mutating func readClusterAddresses(_ spec: JSON, _ reader: inout ObjectReader) {
    if spec["clusterIP"].string == "None" || spec["clusterIPs"][0].string == "None" {
      isHeadless = true
      return
    }
    let values = spec["clusterIPs"].elements
    for (index, value) in values.enumerated() where value.string != "" {
      if let address = reader.address(value, "spec.clusterIPs[\(index)]") { clusterAddresses.append(address) }
    }
    if values.isEmpty, let text = spec["clusterIP"].string, !text.isEmpty,
      let address = reader.address(spec["clusterIP"], "spec.clusterIP")
    {
      clusterAddresses.append(address)
    }
  }

  private static func port(_ entry: JSON, _ path: @autoclosure () -> String, _ reader: inout ObjectReader) -> Port? {
    guard let transport = reader.transport(entry["protocol"], path() + ".protocol"),
      let number = reader.port(entry["port"], path() + ".port")
    else { return nil }
    var port = Port(name: entry["name"].string ?? "", transport: transport, port: number)
    let target = entry["targetPort"]
    if !target.isNull, target.int != 0, target.string != "" {
      guard let reference = reader.portReference(target, path() + ".targetPort") else { return nil }
      port.target = reference
    }
    if !entry["nodePort"].isNull, entry["nodePort"].int != 0 {
      port.nodePort = reader.port(entry["nodePort"], path() + ".nodePort")
    }
    return port
  }
}
