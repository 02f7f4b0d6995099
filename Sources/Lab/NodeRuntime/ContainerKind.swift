internal import StandIn

/// How the lab runs a container.
///
/// The rule: a container is a **host command** if the name of its image, without tag and digest, is `swiftlet.dev/host` or
/// begins with `host/`; or if the pod has the annotation `swiftlet.dev/run: host` and the first word of the container's
/// `command` is a program of this host. Everything else is a **stand-in**: `swiftlet-pause stand-in` listening on the TCP
/// and UDP ports that the container declares and on the numeric ports of its probes and hooks.
enum ContainerKind: Hashable, Sendable {
  case standIn([ListenPort])
  /// Runs with the words of `command` and `args`, whose `$(VAR)` are still to be expanded.
  case hostCommand([String])

  /// - Parameter programExists: whether a program, as the first word of a command names it, is on this host.
  init(_ container: ContainerManifest, podAnnotations: [String: String], programExists: (String) -> Bool) {
    let words = container.command + container.arguments
    if Self.isHostImage(container.image) {
      self = .hostCommand(words)
    } else if podAnnotations["swiftlet.dev/run"] == "host", let program = container.command.first,
      programExists(program)
    {
      self = .hostCommand(words)
    } else {
      self = .standIn(Self.listenPorts(container))
    }
  }

  static func isHostImage(_ image: String) -> Bool {
    var name = image.prefix { $0 != "@" }
    // A colon after the last slash begins the tag; before it, it belongs to a registry's port.
    if let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") { name = name[..<colon] }
    return name == "swiftlet.dev/host" || name.hasPrefix("host/")
  }

  static func listenPorts(_ container: ContainerManifest) -> [ListenPort] {
    var ports: [ListenPort] = []
    for port in container.ports {
      if let transport = ListenPort.Transport(rawValue: port.transport) {
        ports.append(ListenPort(port.number, transport))
      }
    }
    for kind in ProbeKind.allCases {
      guard let number = container.probe(kind)?.port else { continue }
      ports.append(ListenPort(number, .tcp))
    }
    for moment in ContainerHook.Moment.allCases {
      if let number = ContainerHook(moment, container)?.port { ports.append(ListenPort(number, .tcp)) }
    }
    var seen: Set<ListenPort> = []
    return ports.filter { $0.number > 0 && seen.insert($0).inserted }
  }

  /// Whether a program is found as exec would find it: by its path, or in `searchPath`.
  static func programExists(_ program: String, searchPath: String, isExecutable: (String) -> Bool) -> Bool {
    if program.contains("/") { return isExecutable(program) }
    return searchPath.split(separator: ":").contains { isExecutable("\($0)/\(program)") }
  }
}
