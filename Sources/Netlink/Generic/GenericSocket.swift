internal import CLinux
package import Linux

/// A generic netlink socket of one network namespace: the kernel's families that have names instead of protocol numbers
/// (linux/genetlink.h). Not for use by two threads at once.
package final class GenericSocket {
  private let socket: NetlinkSocket
  private var families: [String: GenericFamily] = [:]

  /// `namespace` nil is the caller's own.
  package init(namespace: NetworkNamespace? = nil) throws(SystemError) {
    socket = try NetlinkSocket(NETLINK_GENERIC, namespace: namespace)
  }

  /// A family by its name. ENOENT where the kernel has none and can load none.
  package func family(_ name: String) throws -> GenericFamily {
    if let known = families[name] { return known }
    let operation = "look up generic netlink family \(name)"
    let answer = try socket.request(operation, type: UInt16(GENL_ID_CTRL)) { writer in
      writer.append(command: UInt8(CTRL_CMD_GETFAMILY), version: 1)
      writer.attribute(Int(CTRL_ATTR_FAMILY_NAME), name)
    }
    guard let family = answer.flatMap(GenericFamily.init), family.name == name else {
      throw NetlinkError(code: EBADMSG, operation: operation)
    }
    families[name] = family
    return family
  }

  /// One request of a family that is acknowledged, or answered with one message. `body` appends its attributes.
  @discardableResult
  package func request(
    _ family: GenericFamily, command: UInt8, _ operation: @autoclosure () -> String,
    _ body: (inout NetlinkWriter) -> Void
  ) throws -> NetlinkMessage? {
    try socket.request(operation(), type: family.id) { writer in
      writer.append(command: command, version: family.version)
      body(&writer)
    }
  }

  /// A request that is answered with any number of messages.
  package func dump(
    _ family: GenericFamily, command: UInt8, _ operation: @autoclosure () -> String,
    _ body: (inout NetlinkWriter) -> Void
  ) throws -> [NetlinkMessage] {
    try socket.dump(operation(), type: family.id) { writer in
      writer.append(command: command, version: family.version)
      body(&writer)
    }
  }
}

extension NetlinkWriter {
  /// The header of every generic netlink message.
  mutating func append(command: UInt8, version: UInt8) {
    append(structure: genlmsghdr(cmd: command, version: version, reserved: 0))
  }
}

extension NetlinkMessage {
  /// The attributes of a generic netlink message.
  package var genericAttributes: NetlinkAttributes { attributes(after: MemoryLayout<genlmsghdr>.size) }
}
