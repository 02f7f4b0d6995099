internal import JSON

enum NetworkTable {
  static func printer(_ kind: ResourceKind) -> TablePrinter {
    switch kind.plural {
    case "networkpolicies":
      TablePrinter("Name Pod-Selector Age") { object, now in
        [
          TablePrinters.name(object), TablePrinters.selector(object["spec", "podSelector"]),
          TablePrinters.age(object, now),
        ]
      }
    case "ingresses": TablePrinter("Name Class Hosts Address Ports Age", ingress)
    case "ingressclasses":
      TablePrinter("Name Controller Parameters Age") { object, now in
        let parameters = object["spec", "parameters"]
        let group = parameters["apiGroup"].string.map { ".\($0)" } ?? ""
        let text = "\(parameters["kind"].string ?? "")\(group)/\(parameters["name"].string ?? "")"
        return [
          TablePrinters.name(object), TablePrinters.text(object["spec", "controller"]),
          parameters.isNull ? "<none>" : .string(text), TablePrinters.age(object, now),
        ]
      }
    case "servicecidrs":
      TablePrinter("Name CIDRs Age") { object, now in
        [
          TablePrinters.name(object), TablePrinters.joined(object["spec", "cidrs"].elements.compactMap(\.string)),
          TablePrinters.age(object, now),
        ]
      }
    default:
      TablePrinter("Name ParentRef") { object, _ in
        let parent = object["spec", "parentRef"]
        let parts = ["resource", "namespace", "name"].compactMap { parent[$0].string }
        return [TablePrinters.name(object), .string(parts.joined(separator: "/"))]
      }
    }
  }

  private static func ingress(_ object: JSON, _ now: Int) -> [JSON] {
    let spec = object["spec"]
    var hosts = spec["rules"].elements.compactMap { $0["host"].string }.filter { !$0.isEmpty }
    let more = hosts.count - 3
    if more > 0 { hosts = Array(hosts.prefix(3)) }
    let shown = hosts.isEmpty ? "*" : hosts.joined(separator: ",") + (more > 0 ? " + \(more) more..." : "")
    let addresses = object["status", "loadBalancer", "ingress"].elements.compactMap {
      $0["ip"].string ?? $0["hostname"].string
    }
    return [
      TablePrinters.name(object), TablePrinters.text(spec["ingressClassName"], "<none>"), .string(shown),
      .string(addresses.joined(separator: ",")), spec["tls"].elements.isEmpty ? "80" : "80, 443",
      TablePrinters.age(object, now),
    ]
  }
}
