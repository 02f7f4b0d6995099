internal import Addressing
internal import JSON
internal import Linux
internal import Netlink

extension CNIPlugin {
  /// ADD. What a failed one made is taken away again.
  func add(_ request: CNIRequest, _ configuration: NetworkConfiguration) throws -> JSON {
    let pod = try podNamespace(request)
    let podRoutes = try podSocket(pod, request)
    let previous = configuration.previousResult
    guard configuration.makesLink else {
      try addToOthersLink(request, configuration, podRoutes)
      return CNIResult.echo(previous, version: configuration.version)
    }
    let name = request.interfaceName
    guard try podRoutes.link(.name(name)) == nil else {
      if try CNIResult(previous).interface(name) != nil {
        throw CNIError(
          .invalidConfiguration,
          "an earlier plugin of network \(configuration.name) made \(name) already; take ipam out of this plugin's "
            + "configuration, and it adds host ports and bandwidth limits to that, or take the other plugin out")
      }
      throw CNIError(
        .wiring, "\(request.namespacePath) has an interface \(name) already; ADD was done before, DEL comes first")
    }
    let attachment = attachment(request)
    let wiring = try PodWiring(configuration)
    let leases = leases(configuration)
    let runtime = configuration.runtime
    let addresses = try leases.lease(
      configuration.rangeSets, requested: runtime.addresses, to: attachment, pod: runtime.pod)
    do {
      let result = try wiring.connect(
        attachment, addresses: addresses, pod: pod, podRoutes: podRoutes, sandbox: request.namespacePath)
      do {
        try addExtras(attachment, configuration, addresses, host: wiring.host, podRoutes)
      } catch {
        try? wiring.disconnect(attachment, addresses: addresses)
        throw error
      }
      return result.json(version: configuration.version, after: previous)
    } catch {
      _ = try? leases.release(attachment)
      throw error
    }
  }

  /// Adds host ports and bandwidth limits to the link that an earlier plugin made.
  private func addToOthersLink(
    _ request: CNIRequest, _ configuration: NetworkConfiguration, _ podRoutes: RouteSocket
  ) throws {
    guard configuration.previousResult.object != nil else {
      throw CNIError(
        .invalidConfiguration,
        "ipam is missing; without it the plugin only adds to what an earlier plugin of the list made, and there is none"
      )
    }
    let result = try CNIResult(configuration.previousResult)
    guard let position = result.interface(request.interfaceName),
      try podRoutes.link(.name(request.interfaceName)) != nil
    else {
      throw CNIError(
        .invalidConfiguration,
        "no earlier plugin of network \(configuration.name) made \(request.interfaceName), and without ipam this one "
          + "does not either; give it ipam, or put it after the plugin that makes the interface")
    }
    try addExtras(
      attachment(request), configuration, result.addresses(of: position), host: try RouteSocket(), podRoutes)
  }

  /// Host ports and bandwidth limits, where the runtime asks for them.
  private func addExtras(
    _ attachment: NetworkConfiguration.Attachment, _ configuration: NetworkConfiguration, _ addresses: [IPAddress],
    host: RouteSocket, _ podRoutes: RouteSocket
  ) throws {
    let runtime = configuration.runtime
    let entries = try HostPortEntry.compile(
      runtime.portMappings, addresses: addresses,
      owner: HostPortOwner(network: configuration.name, attachment, pod: runtime.pod))
    if entries.isEmpty, !runtime.isShaped { return }
    guard let link = try hostEnd(of: attachment.interfaceName, host: host, podRoutes) else {
      throw CNIError(
        .wiring,
        "\(attachment.interfaceName) is no veth with its other end on the node; host ports and bandwidth limits need one"
      )
    }
    let shaping = PodShaping(host: host, network: configuration.name)
    do {
      if runtime.isShaped { try shaping.apply(runtime, to: link, attachment) }
      if entries.isEmpty { return }
      let ports = try HostPorts()
      try allowLoopback(entries, link, host)
      try ports.add(entries)
      try ports.forgetFlows(to: entries, routes: host)
    } catch {
      try? shaping.removeDevice(attachment)
      throw error
    }
  }

  /// The node's end of a pod's veth; nil if it is none.
  func hostEnd(of name: String, host: RouteSocket, _ podRoutes: RouteSocket) throws -> Link? {
    guard let inside = try podRoutes.link(.name(name)), inside.kind == "veth", let peer = inside.peer else {
      return nil
    }
    return try host.link(.index(peer))
  }

  /// Lets connections of the node to 127.0.0.1 leave by the pods' bridge, or the pod's link where there is none. The
  /// table drops what others would send in by it.
  private func allowLoopback(_ entries: [HostPortEntry], _ link: Link, _ host: RouteSocket) throws {
    guard entries.contains(where: { $0.family == .v4 && $0.hostAddress?.isLoopback ?? true }) else { return }
    let device = try link.master.flatMap { try host.link(.index($0))?.name } ?? link.name
    let setting = "net/ipv4/conf/\(device)/route_localnet"
    if try Sysctl.read(setting) != "1" { try Sysctl.write(setting, "1") }
  }
}

extension RuntimeConfiguration {
  var isShaped: Bool { ingress != nil || egress != nil }
}

extension CNIResult {
  /// The position of a pod's interface.
  func interface(_ name: String) -> Int? { interfaces.firstIndex { $0.name == name && !$0.sandbox.isEmpty } }

  /// The addresses of an interface; those that name none are the only interface's.
  func addresses(of position: Int) -> [IPAddress] {
    addresses.filter { $0.interface == position || $0.interface == nil }.map(\.address)
  }
}
