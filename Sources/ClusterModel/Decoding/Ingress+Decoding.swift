internal import JSON

extension Ingress: APIDecodable {
  package static var kind: String { "Ingress" }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    self.init(id: reader.id)
    let spec = reader.json["spec"]
    className =
      spec["ingressClassName"].string
      ?? reader.json["metadata", "annotations"]["kubernetes.io/ingress.class"].string
    created = reader.json["metadata", "creationTimestamp"].string ?? ""
    for (index, entry) in reader.json["status", "loadBalancer", "ingress"].elements.enumerated()
    where !entry["ip"].isNull {
      if let address = reader.address(entry["ip"], "status.loadBalancer.ingress[\(index)].ip") {
        statusAddresses.append(address)
      }
    }
    if !spec["defaultBackend"].isNull {
      defaultBackend = Self.backend(spec["defaultBackend"], "spec.defaultBackend", &reader)
    }
    for (index, entry) in spec["rules"].elements.enumerated() {
      var rule = Rule(paths: [])
      if let host = entry["host"].string, !host.isEmpty { rule.host = host }
      for (position, value) in entry["http", "paths"].elements.enumerated() {
        if let path = Self.path(value, "spec.rules[\(index)].http.paths[\(position)]", &reader) {
          rule.paths.append(path)
        }
      }
      rules.append(rule)
    }
    for entry in spec["tls"].elements {
      let secret = entry["secretName"].string.flatMap { $0.isEmpty ? nil : $0 }
      tls.append(TLS(hosts: entry["hosts"].elements.compactMap(\.string), secret: secret))
    }
  }

  private static func path(_ value: JSON, _ path: @autoclosure () -> String, _ reader: inout ObjectReader) -> Path? {
    let text = value["path"].string ?? ""
    guard text.isEmpty || text.hasPrefix("/") else {
      reader.warn(path() + ".path", value["path"], expected: "a path that begins with '/'")
      return nil
    }
    var type = PathType.implementationSpecific
    if !value["pathType"].isNull {
      guard let found = value["pathType"].string.flatMap(PathType.init(rawValue:)) else {
        reader.warn(path() + ".pathType", value["pathType"], expected: "Exact, Prefix or ImplementationSpecific")
        return nil
      }
      type = found
    }
    guard let backend = backend(value["backend"], path() + ".backend", &reader) else { return nil }
    return Path(path: text, type: type, backend: backend)
  }

  private static func backend(
    _ value: JSON, _ path: @autoclosure () -> String, _ reader: inout ObjectReader
  ) -> Backend? {
    guard let service = value["service", "name"].string, !service.isEmpty else {
      reader.warn(path(), value, expected: "a Service (other resources are not supported as backends)")
      return nil
    }
    let port = value["service", "port"]
    if let name = port["name"].string, !name.isEmpty { return Backend(service: service, port: .name(name)) }
    return reader.port(port["number"], path() + ".service.port.number").map {
      Backend(service: service, port: .number($0))
    }
  }
}

extension IngressClass: APIDecodable {
  package static var kind: String { "IngressClass" }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    guard let controller = reader.json["spec", "controller"].string else {
      throw reader.error("spec.controller", reader.json["spec", "controller"], expected: "a controller's name")
    }
    self.init(
      name: reader.id.name, controller: controller,
      isDefault: reader.json["metadata", "annotations"]["ingressclass.kubernetes.io/is-default-class"].string == "true")
  }
}
