package import JSON
internal import Linux

/// `swiftlet show services` for people.
package struct ServicesReport: Sendable {
  package let text: String

  package init(_ answer: JSON) {
    var text = "node \(answer["node"].string ?? "?"), \(answer["backend"].string ?? "?")\n"
    if let problem = answer["problem"].string { text += "problem: \(problem)\n" }
    let services = answer["services"].elements
    if let only = services.first, services.count == 1, only["backends"].array != nil {
      text += Self.details(only)
    } else {
      var table = TextTable("NAMESPACE", "NAME", "TYPE", "FRONTEND", "KIND", "ENDPOINTS", "HITS", "NOTE")
      for service in services {
        let note = service["problem"].string ?? service["note"].string ?? ""
        let (namespace, name) = (service["namespace"].string ?? "?", service["name"].string ?? "?")
        let frontends = service["frontends"].elements
        if frontends.isEmpty { table.add(namespace, name, service["type"].string ?? "?", "-", "-", "-", "-", note) }
        for frontend in frontends {
          table.add(
            namespace, name, service["type"].string ?? "?", frontend["frontend"].string ?? "?",
            frontend["kind"].string ?? "-", Self.endpoints(frontend), Self.number(frontend["hits"]),
            frontend["problem"].string ?? note)
        }
      }
      text += table.isEmpty ? "no Services\n" : table.text
    }
    self.text = text
  }

  private static func number(_ value: JSON) -> String { value.int.map(String.init) ?? "-" }

  private static func endpoints(_ frontend: JSON) -> String {
    guard let outside = frontend["endpointsOutside"].int else { return number(frontend["endpoints"]) }
    return "\(number(frontend["endpoints"])), outside \(outside)"
  }

  private static func details(_ service: JSON) -> String {
    var text =
      "\(service["namespace"].string ?? "?")/\(service["name"].string ?? "?"), \(service["type"].string ?? "?")\n"
    for key in ["note", "problem"] { if let line = service[key].string { text += "\(key): \(line)\n" } }
    var frontends = TextTable("FRONTEND", "KIND", "ENDPOINTS", "HITS", "AFFINITY", "SOURCES")
    for frontend in service["frontends"].elements {
      let ranges = frontend["sourceRanges"].elements.compactMap(\.string)
      frontends.add(
        frontend["frontend"].string ?? "?", frontend["kind"].string ?? frontend["problem"].string ?? "?",
        endpoints(frontend), number(frontend["hits"]), frontend["affinitySeconds"].int.map { "\($0) s" } ?? "-",
        ranges.isEmpty ? "all" : ranges.joined(separator: ", "))
    }
    text += "\n" + (frontends.isEmpty ? "no frontends\n" : frontends.text)
    var backends = TextTable("PORT", "PROTOCOL", "ENDPOINT", "NODE", "STATE", "HITS", "USE")
    for backend in service["backends"].elements {
      backends.add(
        backend["port"].string ?? "?", backend["protocol"].string ?? "?", backend["endpoint"].string ?? "?",
        backend["node"].string ?? "-", backend["state"].string ?? "?", number(backend["hits"]),
        backend["use"].string ?? "?")
    }
    text += "\n" + (backends.isEmpty ? "no endpoints\n" : backends.text)
    var clients = TextTable("CLIENT", "FRONTEND", "ENDPOINT")
    for entry in service["affinity"].elements {
      clients.add(entry["client"].string ?? "?", entry["frontend"].string ?? "?", entry["endpoint"].string ?? "?")
    }
    if !clients.isEmpty { text += "\n" + clients.text }
    return text
  }
}
