/// What `swiftlet-pause stand-in` is told.
package struct StandInOptions: Hashable, Sendable {
  /// Whom it stands in for; all of it appears in its answers.
  package var identity = StandInIdentity()
  package var ports: [ListenPort] = []
  /// A descriptor that gets one byte once the ports are open.
  package var readyDescriptor: CInt?

  package init() {}

  /// The arguments after the word `stand-in`.
  package init(parsing arguments: [String]) throws(ArgumentError) {
    var reader = ArgumentReader(arguments)
    while let option = try reader.next() {
      switch option {
      case "--pod":
        let value = try reader.value(of: option)
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw ArgumentError("--pod: found \"\(value)\", expected NAMESPACE/NAME") }
        identity.namespace = String(parts[0])
        identity.pod = String(parts[1])
      case "--container": identity.container = try reader.value(of: option)
      case "--node": identity.node = try reader.value(of: option)
      case "--port":
        let port = try ListenPort(parsing: try reader.value(of: option))
        if !ports.contains(port) { ports.append(port) }
      case "--ready-fd":
        let value = try reader.value(of: option)
        guard let descriptor = CInt(value), descriptor >= 0 else {
          throw ArgumentError("--ready-fd: found \"\(value)\", expected a descriptor's number")
        }
        readyDescriptor = descriptor
      default:
        throw ArgumentError(
          "found \(option), expected --pod NAMESPACE/NAME, --container, --node, --port NUMBER/PROTOCOL or --ready-fd")
      }
    }
  }

  /// The arguments after the word `stand-in` that say the same.
  package var arguments: [String] {
    var list = ["--pod", "\(identity.namespace)/\(identity.pod)", "--container", identity.container]
    if !identity.node.isEmpty { list += ["--node", identity.node] }
    for port in ports { list += ["--port", port.description] }
    if let readyDescriptor { list += ["--ready-fd", String(readyDescriptor)] }
    return list
  }
}

/// Whom a stand-in stands in for.
package struct StandInIdentity: Hashable, Sendable {
  package var namespace = ""
  package var pod = ""
  package var container = ""
  package var node = ""

  package init() {}
}
