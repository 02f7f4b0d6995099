internal import Glibc
package import Linux

/// IPVS of one network namespace, over generic netlink. Not for use by two threads at once.
package final class IPVSSocket {
  private let socket: GenericSocket
  private let family: GenericFamily

  /// `namespace` nil is the caller's own. ENOENT where the kernel has no IPVS and can load none.
  package init(namespace: NetworkNamespace? = nil) throws {
    socket = try GenericSocket(namespace: namespace)
    family = try socket.family("IPVS")
  }

  package func services() throws -> [IPVSService] {
    let messages = try socket.dump(family, command: IPVSCode.Command.getService.rawValue, "list virtual services") {
      _ in
    }
    return messages.compactMap { message in
      message.genericAttributes[IPVSCode.service].flatMap { IPVSService($0.nested) }
    }
  }

  package func destinations(of service: IPVSService.Key) throws -> [IPVSDestination] {
    let messages = try socket.dump(
      family, command: IPVSCode.Command.getDestination.rawValue, "list destinations of \(Self.name(service))"
    ) { Self.nest(service, &$0) }
    return messages.compactMap { message in
      message.genericAttributes[IPVSCode.destination].flatMap {
        IPVSDestination($0.nested, family: service.address.family)
      }
    }
  }

  /// EEXIST if there is one of this key.
  package func add(_ service: IPVSService) throws { try change(.newService, service, "add") }
  package func set(_ service: IPVSService) throws { try change(.setService, service, "change") }

  /// Removes a virtual service with its destinations; does nothing if there is none.
  package func delete(_ service: IPVSService.Key) throws {
    do {
      try request(.deleteService, "delete virtual service \(Self.name(service))") { Self.nest(service, &$0) }
    } catch let error as NetlinkError where error.code == ESRCH {}
  }

  package func add(_ destination: IPVSDestination, to service: IPVSService.Key) throws {
    try change(.newDestination, destination, service, "add")
  }
  package func set(_ destination: IPVSDestination, of service: IPVSService.Key) throws {
    try change(.setDestination, destination, service, "change")
  }
  /// Removes a destination; its connections end. Does nothing if there is none.
  package func delete(_ destination: IPVSDestination, from service: IPVSService.Key) throws {
    do { try change(.deleteDestination, destination, service, "delete") } catch let error as NetlinkError
      where error.code == ENOENT
    {}
  }

  private static func name(_ key: IPVSService.Key) -> String { "\(key.address) \(key.transport) \(key.port)" }

  private static func nest(_ service: IPVSService.Key, _ writer: inout NetlinkWriter) {
    writer.nested(IPVSCode.service) { IPVSService.write(service, to: &$0) }
  }

  private func request(
    _ command: IPVSCode.Command, _ operation: @autoclosure () -> String, _ body: (inout NetlinkWriter) -> Void
  ) throws {
    try socket.request(family, command: command.rawValue, operation(), body)
  }

  private func change(_ command: IPVSCode.Command, _ service: IPVSService, _ verb: String) throws {
    let scheduler = service.scheduler
    try request(command, "\(verb) virtual service \(Self.name(service.key)) with scheduler \(scheduler)") { writer in
      writer.nested(IPVSCode.service) { service.write(to: &$0) }
    }
  }

  private func change(
    _ command: IPVSCode.Command, _ destination: IPVSDestination, _ service: IPVSService.Key,
    _ verb: String
  ) throws {
    let name = "\(destination.address) \(destination.port)"
    try request(command, "\(verb) destination \(name) of virtual service \(Self.name(service))") { writer in
      Self.nest(service, &writer)
      writer.nested(IPVSCode.destination) { destination.write(to: &$0) }
    }
  }
}
