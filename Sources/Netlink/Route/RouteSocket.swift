internal import CLinux
package import Linux

/// An rtnetlink socket of one network namespace: links, addresses, routes, neighbours, bridge forwarding entries and
/// rules. Not for use by two threads at once.
package final class RouteSocket {
  let socket: NetlinkSocket

  /// `namespace` nil is the caller's own.
  package init(namespace: NetworkNamespace? = nil) throws(SystemError) {
    socket = try NetlinkSocket(NETLINK_ROUTE, namespace: namespace)
  }

  /// Carries out one request.
  package func perform(_ request: RouteRequest) throws { try perform([request]) }

  /// Carries out requests in their order, all of a send at once. The kernel goes on after a failure; the first one is
  /// thrown when all have been answered.
  package func perform(_ requests: [RouteRequest]) throws {
    if let first = try failures(requests).first { throw first }
  }

  /// Carries out requests in their order and returns what failed; the operation of each error tells which it was.
  package func failures(_ requests: [RouteRequest]) throws -> [NetlinkError] {
    var failures: [NetlinkError] = []
    var rest = requests[...]
    while !rest.isEmpty {
      // The socket's buffers hold a few hundred acknowledgements.
      let chunk = rest.prefix(64)
      rest = rest.dropFirst(chunk.count)
      var writer = NetlinkWriter()
      var waiting: [UInt32: RouteRequest] = [:]
      for request in chunk {
        let sequence = socket.nextSequence()
        waiting[sequence] = request
        writer.message(
          type: request.type, flags: UInt16(NLM_F_REQUEST | NLM_F_ACK) | request.flags, sequence: sequence
        ) { $0.append(bytes: request.body) }
      }
      try socket.send(writer.bytes)
      while !waiting.isEmpty {
        for message in try socket.receive() where Int32(message.type) == NLMSG_ERROR {
          guard let request = waiting.removeValue(forKey: message.sequence) else { continue }
          if let error = NetlinkSocket.error(in: message, request.operation), !request.accepted.contains(error.code) {
            failures.append(error)
          }
        }
      }
    }
    return failures
  }
}
