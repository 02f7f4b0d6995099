internal import Addressing
internal import JSON

/// Faults of network objects: policies, Ingresses, endpoints.
enum NetworkValidation {
  static func policy(_ spec: JSON, _ collector: inout FaultCollector) {
    collector.labelSelector(spec["podSelector"], "spec.podSelector")
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
      for (index, rule) in spec[direction].elements.enumerated() {
        let path = "spec.\(direction)[\(index)]"
        for (number, port) in rule["ports"].elements.enumerated() {
          policyPort(port, "\(path).ports[\(number)]", &collector)
        }
        for (number, peer) in rule[peers].elements.enumerated() {
          policyPeer(peer, "\(path).\(peers)[\(number)]", &collector)
        }
      }
    }
    for (index, type) in spec["policyTypes"].elements.enumerated() {
      collector.oneOf(type, "spec.policyTypes[\(index)]", ["Egress", "Ingress"])
    }
  }

  private static func policyPort(_ port: JSON, _ path: String, _ collector: inout FaultCollector) {
    collector.oneOf(port["protocol"], "\(path).protocol", ["SCTP", "TCP", "UDP"])
    if !port["port"].isNull { collector.portOrName(port["port"], "\(path).port") }
    guard let end = port["endPort"].int else { return }
    guard let first = port["port"].int else {
      let reason = port["port"].isNull ? "port must be specified" : "port must be an integer"
      return collector.add(
        port["port"].isNull
          ? .required("\(path).port", "must be specified when `endPort` is specified")
          : .invalid("\(path).endPort", port["endPort"], reason))
    }
    if end < first {
      collector.add(.invalid("\(path).endPort", port["endPort"], "must be greater than or equal to `port`"))
    }
    if end > 65535 { collector.port(port["endPort"], "\(path).endPort") }
  }

  private static func policyPeer(_ peer: JSON, _ path: String, _ collector: inout FaultCollector) {
    let fields = ["podSelector", "namespaceSelector", "ipBlock"].filter { !peer[$0].isNull }
    if fields.isEmpty { collector.add(.required(path, "must specify a peer")) }
    for field in ["podSelector", "namespaceSelector"] { collector.labelSelector(peer[field], "\(path).\(field)") }
    guard !peer["ipBlock"].isNull else { return }
    if fields.count > 1 {
      collector.add(.forbidden(path, "may not specify both ipBlock and another peer"))
    }
    guard let block = cidr(peer["ipBlock", "cidr"], "\(path).ipBlock.cidr", &collector) else { return }
    for (index, except) in peer["ipBlock", "except"].elements.enumerated() {
      let field = "\(path).ipBlock.except[\(index)]"
      if let inner = cidr(except, field, &collector), !block.contains(inner) || block == inner {
        collector.add(.invalid(field, except, "must be a strict subset of `cidr`"))
      }
    }
  }

  private static func cidr(_ value: JSON, _ field: String, _ collector: inout FaultCollector) -> Prefix? {
    guard let text = value.string, !text.isEmpty else {
      collector.add(.required(field))
      return nil
    }
    guard let (address, length) = try? Prefix.parseInterface(text) else {
      collector.add(.invalid(field, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"))
      return nil
    }
    return Prefix(address, length: length)
  }

  static func ingress(_ spec: JSON, _ collector: inout FaultCollector) {
    if spec["rules"].elements.isEmpty, spec["defaultBackend"].isNull {
      collector.add(.invalid("spec", spec, "either `defaultBackend` or `rules` must be specified"))
    }
    if !spec["defaultBackend"].isNull { backend(spec["defaultBackend"], "spec.defaultBackend", &collector) }
    for (index, rule) in spec["rules"].elements.enumerated() {
      let path = "spec.rules[\(index)]"
      if let host = rule["host"].string, !host.isEmpty {
        if IPAddress(host) != nil {
          collector.add(.invalid("\(path).host", rule["host"], "must be a DNS name, not an IP address"))
        } else if let reason = NameRules.host(host) {
          collector.add(.invalid("\(path).host", rule["host"], reason))
        }
      }
      let http = rule["http"]
      if !http.isNull, http["paths"].elements.isEmpty { collector.add(.required("\(path).http.paths")) }
      for (number, entry) in http["paths"].elements.enumerated() {
        self.path(entry, "\(path).http.paths[\(number)]", &collector)
      }
    }
    for (index, tls) in spec["tls"].elements.enumerated() {
      for (number, host) in tls["hosts"].elements.enumerated() {
        collector.name(host, "spec.tls[\(index)].hosts[\(number)]", NameRules.host)
      }
    }
  }

  private static func path(_ entry: JSON, _ field: String, _ collector: inout FaultCollector) {
    let types = ["Exact", "ImplementationSpecific", "Prefix"]
    if entry["pathType"].isNull {
      collector.add(.required("\(field).pathType", "pathType must be specified"))
    } else {
      collector.oneOf(entry["pathType"], "\(field).pathType", types)
    }
    let path = entry["path"].string ?? ""
    if entry["pathType"].string != "ImplementationSpecific" || !path.isEmpty, !path.hasPrefix("/") {
      collector.add(.invalid("\(field).path", .string(path), "must be an absolute path"))
    }
    if entry["pathType"].string != "ImplementationSpecific" {
      for bad in ["//", "/./", "/../", "%2f", "%2F"] where path.contains(bad) {
        collector.add(.invalid("\(field).path", .string(path), "must not contain '\(bad)'"))
      }
    }
    backend(entry["backend"], "\(field).backend", &collector)
  }

  private static func backend(_ backend: JSON, _ field: String, _ collector: inout FaultCollector) {
    if !backend["resource"].isNull {
      if !backend["service"].isNull {
        collector.add(.invalid(field, "", "cannot set both resource and service backends"))
      }
      return
    }
    guard !backend["service"].isNull else {
      return collector.add(.required(field, "resource or service backend is required"))
    }
    collector.name(backend["service", "name"], "\(field).service.name", NameRules.label)
    let name = backend["service", "port", "name"].string ?? ""
    let number = backend["service", "port", "number"].int ?? 0
    if name.isEmpty, number == 0 {
      collector.add(.required("\(field).service.port", "port name or number is required"))
    } else if !name.isEmpty, number != 0 {
      collector.add(.invalid("\(field).service.port", "", "cannot set both port name & port number"))
    } else if number != 0 {
      collector.port(.int(Int64(number)), "\(field).service.port.number")
    }
  }

  static func endpointSlice(_ object: JSON, _ collector: inout FaultCollector) {
    collector.oneOf(object["addressType"], "addressType", ["FQDN", "IPv4", "IPv6"])
    if object["endpoints"].elements.count > 1000 { collector.add(.tooLong("endpoints", 1000)) }
    for (index, endpoint) in object["endpoints"].elements.enumerated() {
      let field = "endpoints[\(index)].addresses"
      if endpoint["addresses"].elements.isEmpty {
        collector.add(.required(field, "must contain at least 1 address"))
      }
      for (number, address) in endpoint["addresses"].elements.enumerated() {
        let family = IPAddress(address.string ?? "")?.family.name
        if let type = object["addressType"].string, type != "FQDN", family != type {
          collector.add(.invalid("\(field)[\(number)]", address, "must be a valid \(type) address"))
        }
      }
    }
    var names: Set<String> = []
    for (index, port) in object["ports"].elements.enumerated() {
      collector.oneOf(port["protocol"], "ports[\(index)].protocol", ["SCTP", "TCP", "UDP"])
      if !names.insert(port["name"].string ?? "").inserted {
        collector.add(.duplicate("ports[\(index)].name", port["name"]))
      }
      if !port["port"].isNull { collector.port(port["port"], "ports[\(index)].port") }
    }
  }

  static func endpoints(_ object: JSON, _ collector: inout FaultCollector) {
    for (index, subset) in object["subsets"].elements.enumerated() {
      let path = "subsets[\(index)]"
      if subset["addresses"].elements.isEmpty, subset["notReadyAddresses"].elements.isEmpty {
        collector.add(.required(path, "must specify `addresses` or `notReadyAddresses`"))
      }
      for (number, port) in subset["ports"].elements.enumerated() {
        collector.port(port["port"], "\(path).ports[\(number)].port")
      }
    }
  }
}
