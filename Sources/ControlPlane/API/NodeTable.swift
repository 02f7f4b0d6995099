internal import JSON

enum NodeTable {
  static let printer = TablePrinter(
    "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*"
  ) { node, now in
    func address(_ type: String) -> JSON {
      let found = node["status", "addresses"].elements.first { $0["type"].string == type }
      return TablePrinters.text(found?["address"] ?? .null, "<none>")
    }
    let info = node["status", "nodeInfo"]
    return [
      TablePrinters.name(node), .string(status(node)), .string(roles(node)), TablePrinters.age(node, now),
      TablePrinters.text(info["kubeletVersion"]), address("InternalIP"), address("ExternalIP"),
      TablePrinters.text(info["osImage"], "<unknown>"), TablePrinters.text(info["kernelVersion"], "<unknown>"),
      TablePrinters.text(info["containerRuntimeVersion"], "<unknown>"),
    ]
  }

  private static func status(_ node: JSON) -> String {
    let ready = node["status", "conditions"].elements.first { $0["type"].string == "Ready" }
    var parts = [ready.map { $0["status"].string == "True" ? "Ready" : "NotReady" } ?? "Unknown"]
    if node["spec", "unschedulable"].bool == true { parts.append("SchedulingDisabled") }
    return parts.joined(separator: ",")
  }

  private static func roles(_ node: JSON) -> String {
    var roles: Set<String> = []
    for (key, value) in node["metadata", "labels"].stringMap {
      if key.hasPrefix("node-role.kubernetes.io/") {
        roles.insert(String(key.dropFirst("node-role.kubernetes.io/".count)))
      } else if key == "kubernetes.io/role", !value.isEmpty {
        roles.insert(value)
      }
    }
    roles.remove("")
    return roles.isEmpty ? "<none>" : roles.sorted().joined(separator: ",")
  }
}
