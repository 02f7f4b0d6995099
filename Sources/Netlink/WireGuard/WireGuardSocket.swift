internal import CLinux
package import Linux

/// Reads and changes the WireGuard links of one network namespace. Not for use by two threads at once.
package final class WireGuardSocket {
  private let socket: GenericSocket

  /// `namespace` nil is the caller's own.
  package init(namespace: NetworkNamespace? = nil) throws(SystemError) {
    socket = try GenericSocket(namespace: namespace)
  }

  /// A link with its peers. ENODEV if there is no such link, EOPNOTSUPP if it is of another kind.
  package func device(_ interface: Int32) throws -> WireGuardDevice {
    let operation = "read WireGuard link #\(interface)"
    let messages = try socket.dump(
      socket.family(WG_GENL_NAME), command: UInt8(WG_CMD_GET_DEVICE.rawValue), operation
    ) { $0.attribute(Int(WGDEVICE_A_IFINDEX.rawValue), interface) }
    guard let device = WireGuardDevice(messages) else { throw NetlinkError(code: EBADMSG, operation: operation) }
    return device
  }

  /// Changes a link. The kernel takes each message as one step; only very many peers need several.
  package func change(_ interface: Int32, _ change: WireGuardChange) throws {
    let family = try socket.family(WG_GENL_NAME)
    for message in change.messages(to: interface) {
      try socket.request(
        family, command: UInt8(WG_CMD_SET_DEVICE.rawValue), "change WireGuard link #\(interface)"
      ) { $0.append(bytes: message) }
    }
  }
}
