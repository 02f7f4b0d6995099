internal import JSON

enum ServiceTable {
  static let printer = TablePrinter("Name Type Cluster-IP External-IP Port(s) Age Selector*") { service, now in
    let spec = service["spec"]
    let ports = spec["ports"].elements.map { port in
      let node = port["nodePort"].int ?? 0
      return "\(port["port"].int ?? 0)\(node > 0 ? ":\(node)" : "")/\(port["protocol"].string ?? "TCP")"
    }
    return [
      TablePrinters.name(service), TablePrinters.text(spec["type"]), TablePrinters.text(spec["clusterIP"], "<none>"),
      .string(external(service)), TablePrinters.joined(ports), TablePrinters.age(service, now),
      TablePrinters.selector(spec["selector"], isMap: true),
    ]
  }

  private static func external(_ service: JSON) -> String {
    let spec = service["spec"]
    let configured = spec["externalIPs"].elements.compactMap(\.string)
    switch spec["type"].string {
    case "ExternalName": return spec["externalName"].string ?? ""
    case "LoadBalancer":
      let ingress = service["status", "loadBalancer", "ingress"].elements
      let given = ingress.compactMap { $0["ip"].string ?? $0["hostname"].string } + configured
      return given.isEmpty ? "<pending>" : given.joined(separator: ",")
    default: return configured.isEmpty ? "<none>" : configured.joined(separator: ",")
    }
  }
}
