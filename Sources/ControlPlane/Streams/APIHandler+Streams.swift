internal import Addressing
internal import JSON
internal import Kubernetes

extension APIHandler {
  /// `log`, `exec`, `attach` and `portforward` of a pod: who is to be asked what. Nothing is sent here.
  func stream(_ subresource: ResourceKind.Subresource, of name: String, _ request: ResourceRequest) throws(StatusError)
    -> APIAnswer
  {
    guard let pod = store.get(request.kind.key(request.namespace, name))?.value else {
      throw .notFound(request.kind, name)
    }
    let path = "\(pod["metadata", "namespace"].string ?? "")/\(name)"
    let target = request.target
    var parameters: [(name: String, value: String)] = []
    switch subresource {
    case .log:
      guard request.method == "GET" else { throw .methodNotAllowed(request.method) }
      _ = try PodLogOptions(target, name: name, now: .now())
      let container = try container(of: pod, target["container"])
      guard assignedNode(pod) != nil else { return .response(.text("")) }
      for option in ["follow", "previous", "timestamps"] where target.flag(option) {
        parameters.append((option, "true"))
      }
      for option in ["tailLines", "limitBytes", "sinceSeconds", "sinceTime"] {
        if let value = target[option], !value.isEmpty { parameters.append((option, value)) }
      }
      return .node(try nodeRequest(pod, "GET", "/containerLogs/\(path)/\(container)", parameters, [:]))
    case .exec, .attach:
      let fields = try upgradeFields(request)
      let container = try container(of: pod, target["container"])
      for (option, kubelets) in [("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")]
      where target.flag(option) {
        parameters.append((kubelets, "1"))
      }
      guard ["stdin", "stdout", "stderr"].contains(where: target.flag) else {
        throw .badRequest("you must specify at least one of stdin, stdout, stderr")
      }
      if subresource == .exec {
        let command = target.values("command")
        guard !command.isEmpty else { throw .badRequest("you must specify at least 1 command for the container") }
        for word in command { parameters.append(("command", word)) }
      }
      return .node(
        try nodeRequest(pod, request.method, "/\(subresource.rawValue)/\(path)/\(container)", parameters, fields))
    default:
      let fields = try upgradeFields(request)
      return .node(try nodeRequest(pod, request.method, "/portForward/\(path)", [], fields))
    }
  }

  /// The container of that name, or the only one.
  private func container(of pod: JSON, _ asked: String?) throws(StatusError) -> String {
    let name = pod["metadata", "name"].string ?? ""
    let names = pod["spec", "containers"].elements.compactMap { $0["name"].string }
    let initNames = pod["spec", "initContainers"].elements.compactMap { $0["name"].string }
    if let asked, !asked.isEmpty {
      guard names.contains(asked) || initNames.contains(asked) else {
        throw .badRequest("container \(asked) is not valid for pod \(name)")
      }
      return asked
    }
    if names.count == 1 { return names[0] }
    var message =
      "a container name must be specified for pod \(name), choose one of: [\(names.joined(separator: " "))]"
    if !initNames.isEmpty { message += " or one of the init containers: [\(initNames.joined(separator: " "))]" }
    throw .badRequest(message)
  }

  private func assignedNode(_ pod: JSON) -> String? {
    pod["spec", "nodeName"].string.flatMap { $0.isEmpty ? nil : $0 }
  }

  private func nodeRequest(
    _ pod: JSON, _ method: String, _ path: String, _ parameters: [(name: String, value: String)],
    _ fields: [String: String]
  ) throws(StatusError) -> NodeRequest {
    let name = pod["metadata", "name"].string ?? ""
    guard let nodeName = assignedNode(pod) else { throw .badRequest("pod \(name) does not have a host assigned") }
    func unreachable(_ reason: String) -> StatusError {
      StatusError(
        503, "ServiceUnavailable", "pod \"\(name)\" cannot be reached on its node \"\(nodeName)\": \(reason)")
    }
    guard let node = kinds.find("v1", plural: "nodes").flatMap({ store.get($0.key(nil, nodeName)) })?.value else {
      throw unreachable("there is no such node")
    }
    // A node that says itself that it is not ready can be asked; one that is silent cannot.
    let ready = node["status", "conditions"].elements.first { $0["type"].string == "Ready" } ?? .null
    if ready["status"].string == "Unknown" {
      throw unreachable("the node is not ready: \(ready["message"].string ?? "it does not report its status")")
    }
    guard let port = node["status", "daemonEndpoints", "kubeletEndpoint", "Port"].int.flatMap(UInt16.init(exactly:)),
      port > 0
    else { throw unreachable("the node serves no streams: its status has no daemonEndpoints.kubeletEndpoint.Port") }
    let addresses = node["status", "addresses"].elements.filter { $0["type"].string == "InternalIP" }
    guard let address = addresses.lazy.compactMap({ $0["address"].string.flatMap { IPAddress($0) } }).first else {
      throw unreachable("the node's status has no address of type InternalIP")
    }
    let words = parameters.map { "\($0.name)=\(percentEncoded($0.value))" }
    let query = words.isEmpty ? "" : "?" + words.joined(separator: "&")
    return NodeRequest(
      node: nodeName, address: "\(address)", port: port, method: method, target: path + query, fields: fields)
  }

  private static let upgradeNames = [
    "upgrade", "x-stream-protocol-version", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol",
  ]

  /// The fields of a request for another protocol (RFC 9110 section 7.8).
  private func upgradeFields(_ request: ResourceRequest) throws(StatusError) -> [String: String] {
    guard request.method == "GET" || request.method == "POST" else { throw .methodNotAllowed(request.method) }
    let headers = request.request.headers
    let isUpgrade = (headers["connection"] ?? "").lowercased().split(separator: ",").contains { word in
      word.filter { $0 != " " } == "upgrade"
    }
    guard isUpgrade, headers["upgrade"] != nil else { throw .badRequest("Upgrade request required") }
    // A WebSocket is opened with GET; who may only read must not get in by it.
    try authorizer.check(
      AccessRequest(
        request.user, "create", group: "", resource: "pods", subresource: request.subresource ?? "",
        namespace: request.namespace ?? "", name: request.name ?? ""))
    var fields = ["connection": "Upgrade"]
    for name in Self.upgradeNames { fields[name] = headers[name] }
    return fields
  }
}
