internal import JSON

/// What a stand-in tells about itself and about whom it talks to.
package struct StandInAnswer {
  let identity: StandInIdentity
  /// The client's address and port: `10.244.1.7:51034`, `[fd00::7]:51034`.
  let client: String
  /// The address the client reached, before any port: the pod's own.
  let address: String
  let port: UInt16

  package init(identity: StandInIdentity, client: String, address: String, port: UInt16) {
    self.identity = identity
    self.client = client
    self.address = address
    self.port = port
  }

  /// One line, for TCP and UDP without HTTP.
  var line: [UInt8] {
    let text =
      "pod=\(identity.pod) namespace=\(identity.namespace) container=\(identity.container) node=\(identity.node) "
      + "client=\(client) address=\(address) port=\(port)\n"
    return Array(text.utf8)
  }

  private func members(_ request: HTTPRequestHead) -> [(String, JSON)] {
    [
      ("pod", .string(identity.pod)), ("namespace", .string(identity.namespace)),
      ("container", .string(identity.container)), ("node", .string(identity.node)), ("address", .string(address)),
      ("port", .int(Int64(port))), ("client", .string(client)), ("host", .string(request["host"] ?? "")),
      ("method", .string(request.method)), ("path", .string(request.target)),
    ]
  }

  /// The body of an HTTP answer and its type: JSON, or `name=value` lines if only text is accepted.
  func body(_ request: HTTPRequestHead) -> (type: String, bytes: [UInt8]) {
    let accept = (request["accept"] ?? "").lowercased()
    if accept.contains("text/plain") && !accept.contains("json") {
      var text = ""
      for (name, value) in members(request) { text += "\(name)=\(value.string ?? value.description)\n" }
      for field in request.fields { text += "header=\(field.name): \(field.value)\n" }
      return ("text/plain; charset=utf-8", Array(text.utf8))
    }
    // Fields of one name become one, as RFC 9110 section 5.3 allows.
    var headers = JSON.Object()
    for field in request.fields {
      let name = field.name.lowercased()
      headers[name] = .string(headers[name].map { "\($0.string ?? ""), \(field.value)" } ?? field.value)
    }
    let value = JSON.object(JSON.Object(members(request).map { ($0.0, $0.1) } + [("headers", .object(headers))]))
    return ("application/json", value.bytes() + [0x0A])
  }
}
