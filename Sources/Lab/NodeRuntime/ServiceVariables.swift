internal import JSON

/// The environment variables that tell a container about the Services of its namespace, in the form of Docker's links.
enum ServiceVariables {
  /// - Parameter services: Service objects; those without a cluster address are left out.
  static func make(_ services: [JSON]) -> [(name: String, value: String)] {
    var variables: [(name: String, value: String)] = []
    for service in services.sorted(by: { ($0["metadata", "name"].string ?? "") < ($1["metadata", "name"].string ?? "") }
    ) {
      guard let address = service["spec", "clusterIP"].string, !address.isEmpty, address != "None" else { continue }
      let prefix = (service["metadata", "name"].string ?? "").uppercased().replacing("-", with: "_")
      let ports = service["spec", "ports"].elements
      guard let first = ports.first, let firstPort = first["port"].int else { continue }
      let host = address.contains(":") ? "[\(address)]" : address
      variables.append(("\(prefix)_SERVICE_HOST", address))
      variables.append(("\(prefix)_SERVICE_PORT", String(firstPort)))
      for port in ports {
        guard let name = port["name"].string, !name.isEmpty, let number = port["port"].int else { continue }
        variables.append(
          ("\(prefix)_SERVICE_PORT_\(name.uppercased().replacing("-", with: "_"))", String(number)))
      }
      for (index, port) in ports.enumerated() {
        guard let number = port["port"].int else { continue }
        let transport = port["protocol"].string ?? "TCP"
        let url = "\(transport.lowercased())://\(host):\(number)"
        if index == 0 { variables.append(("\(prefix)_PORT", url)) }
        let name = "\(prefix)_PORT_\(number)_\(transport)"
        variables.append((name, url))
        variables.append(("\(name)_PROTO", transport.lowercased()))
        variables.append(("\(name)_PORT", String(number)))
        variables.append(("\(name)_ADDR", address))
      }
    }
    return variables
  }
}
