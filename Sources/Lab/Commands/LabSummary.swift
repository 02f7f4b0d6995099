internal import JSON
internal import Kubernetes
internal import Linux

/// The tables `lab up` ends with: what has which address.
enum LabSummary {
  static func write(_ client: APIClient, _ output: LabOutput, _ lab: LabConfiguration?) throws {
    let pods = try client.list(.pods).items
    output.line("")
    let states = Dictionary(uniqueKeysWithValues: (lab?.nodes ?? []).map { ($0.name, $0.state) })
    output.line(nodes(try client.list(.nodes).items, pods: pods, states: states))
    output.line(self.pods(pods))
    let services = try client.list(.services).items
    if !services.isEmpty { output.line(self.services(services)) }
  }

  /// `states` by node name; what was done to a node on purpose is told beside its condition.
  static func nodes(
    _ nodes: [KubernetesObject], pods: [KubernetesObject], states: [String: LabNode.State] = [:]
  ) -> String {
    var table = TextTable("NODE", "ADDRESS", "POD RANGE", "PODS", "STATUS")
    for node in nodes.sorted(by: { $0.name < $1.name }) {
      let addresses = node.status["addresses"].elements.filter { $0["type"].string == "InternalIP" }
        .compactMap { $0["address"].string }
      let state = states[node.name].flatMap { $0 == .running ? nil : ", \($0.rawValue)" } ?? ""
      let ranges = node.spec["podCIDRs"].elements.compactMap(\.string)
      table.add(
        node.name, addresses.isEmpty ? "-" : addresses.joined(separator: ","),
        ranges.isEmpty ? "-" : ranges.joined(separator: ","),
        String(pods.count { $0.spec["nodeName"].string == node.name }),
        (node.isTrue("Ready") ? "Ready" : "NotReady") + state)
    }
    return table.text
  }

  static func pods(_ pods: [KubernetesObject]) -> String {
    var table = TextTable("NAMESPACE", "POD", "ADDRESS", "NODE", "STATUS", "RESTARTS")
    for pod in pods.sorted(by: { $0.key < $1.key }) {
      let addresses = pod.status["podIPs"].elements.compactMap { $0["ip"].string }
      let restarts = pod.status["containerStatuses"].elements.reduce(0) { $0 + ($1["restartCount"].int ?? 0) }
      table.add(
        pod.namespace, pod.name,
        addresses.isEmpty ? pod.status["podIP"].string ?? "-" : addresses.joined(separator: ","),
        pod.spec["nodeName"].string ?? "-",
        Readiness.reasonNotReady(pod) ?? (pod.status["phase"].string == "Succeeded" ? "Completed" : "Ready"),
        String(restarts))
    }
    return table.text
  }

  static func services(_ services: [KubernetesObject]) -> String {
    var table = TextTable("NAMESPACE", "SERVICE", "TYPE", "ADDRESS", "PORTS")
    for service in services.sorted(by: { $0.key < $1.key }) {
      let type = service.spec["type"].string ?? "ClusterIP"
      let addresses = service.spec["clusterIPs"].elements.compactMap(\.string)
      let address =
        type == "ExternalName"
        ? service.spec["externalName"].string ?? "-"
        : addresses.isEmpty ? service.spec["clusterIP"].string ?? "-" : addresses.joined(separator: ",")
      let ports = service.spec["ports"].elements.map { port in
        let node = port["nodePort"].int.map { ":\($0)" } ?? ""
        return "\(port["port"].int ?? 0)\(node)/\(port["protocol"].string ?? "TCP")"
      }
      table.add(
        service.namespace, service.name, type, address == "None" ? "headless" : address,
        ports.isEmpty ? "-" : ports.joined(separator: ","))
    }
    return table.text
  }
}
