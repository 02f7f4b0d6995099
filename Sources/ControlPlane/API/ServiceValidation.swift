internal import Addressing
internal import JSON

/// Faults of Services.
enum ServiceValidation {
  static func check(_ service: JSON, _ collector: inout FaultCollector) {
    let spec = service["spec"]
    let type = spec["type"].string ?? ""
    let isHeadless = spec["clusterIP"].string == "None"
    if spec["ports"].elements.isEmpty, !isHeadless, type != "ExternalName" { collector.add(.required("spec.ports")) }
    ports(spec["ports"].elements, isHeadless: isHeadless, type: type, &collector)
    collector.labels(spec["selector"], "spec.selector")
    collector.oneOf(spec["sessionAffinity"], "spec.sessionAffinity", ["ClientIP", "None"])
    collector.oneOf(spec["type"], "spec.type", ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])
    if type == "ExternalName" {
      collector.name(spec["externalName"], "spec.externalName", NameRules.subdomain)
      for field in ["clusterIP"] where !(spec[field].string ?? "").isEmpty {
        collector.add(.forbidden("spec.\(field)", "may not be set when `type` is ExternalName"))
      }
    }
    if isHeadless, type == "NodePort" || type == "LoadBalancer" {
      collector.add(
        .invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for \(type) services"))
    }
    for (index, address) in spec["clusterIPs"].elements.enumerated() where address.string != "None" {
      self.address(address, "spec.clusterIPs[\(index)]", &collector)
    }
    if let first = spec["clusterIPs"].elements.first, first != spec["clusterIP"] {
      collector.add(
        .invalid("spec.clusterIPs", spec["clusterIPs"], "first value must match `clusterIP`"))
    }
    for (index, address) in spec["externalIPs"].elements.enumerated() {
      self.address(address, "spec.externalIPs[\(index)]", &collector)
    }
    for (index, range) in spec["loadBalancerSourceRanges"].elements.enumerated() {
      if Prefix(range.string?.filter { $0 != " " } ?? "") == nil {
        collector.add(
          .invalid(
            "spec.loadBalancerSourceRanges[\(index)]", range,
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"))
      }
    }
    if !spec["internalTrafficPolicy"].isNull {
      collector.oneOf(spec["internalTrafficPolicy"], "spec.internalTrafficPolicy", ["Cluster", "Local"])
    }
    if !spec["externalTrafficPolicy"].isNull {
      collector.oneOf(spec["externalTrafficPolicy"], "spec.externalTrafficPolicy", ["Cluster", "Local"])
    }
    if let timeout = spec["sessionAffinityConfig", "clientIP", "timeoutSeconds"].int, !(1...86_400).contains(timeout) {
      collector.add(
        .invalid(
          "spec.sessionAffinityConfig.clientIP.timeoutSeconds", .int(Int64(timeout)),
          "must be greater than 0 and less than 86400"))
    }
  }

  private static func address(_ value: JSON, _ field: String, _ collector: inout FaultCollector) {
    if IPAddress(value.string ?? "") == nil {
      collector.add(.invalid(field, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
    }
  }

  private static func ports(
    _ ports: [JSON], isHeadless: Bool, type: String, _ collector: inout FaultCollector
  ) {
    var names: Set<String> = []
    var numbers: Set<String> = []
    for (index, port) in ports.enumerated() {
      let field = "spec.ports[\(index)]"
      if let name = port["name"].string, !name.isEmpty {
        if let reason = NameRules.label(name) { collector.add(.invalid("\(field).name", port["name"], reason)) }
        if !names.insert(name).inserted { collector.add(.duplicate("\(field).name", port["name"])) }
      } else if ports.count > 1 {
        collector.add(.required("\(field).name"))
      }
      collector.port(port["port"], "\(field).port")
      collector.oneOf(port["protocol"], "\(field).protocol", ["SCTP", "TCP", "UDP"])
      collector.portOrName(port["targetPort"], "\(field).targetPort")
      if type != "NodePort", type != "LoadBalancer", (port["nodePort"].int ?? 0) != 0 {
        collector.add(.forbidden("\(field).nodePort", "may not be used when `type` is '\(type)'"))
      }
      let key = "\(port["protocol"].string ?? "")/\(port["port"].int ?? 0)"
      if !numbers.insert(key).inserted {
        collector.add(
          .duplicate(field, ["protocol": port["protocol"], "port": port["port"], "targetPort": port["targetPort"]]))
      }
    }
  }
}
