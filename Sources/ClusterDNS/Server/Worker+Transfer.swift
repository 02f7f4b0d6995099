internal import Addressing

extension Worker {
  /// Begins the transfer of the cluster's zone that the parsed question asks for; false where it is refused: to clients
  /// that may not have it, for other zones, and before all of it is known.
  func beginTransfer(_ connection: TCPConnection) -> Bool {
    guard !connection.isHTTP, query.type == .axfr || query.type == .ixfr, query.recordClass == Wire.classInternet,
      (query.edns?.version ?? 0) == 0,
      let block = plan.block(for: query.name, port: shared.sockets[connection.socket].address.port),
      let zone = block.responder.zone, zone.isSynced,
      query.name.labelCount == zone.zone.labels.count, query.name.isWithin(zone.zone),
      let peer = connection.peer, block.rules.transferTo.contains(where: { $0.contains(peer) })
    else { return false }
    // IXFR may be answered with the whole zone (RFC 1995 section 4).
    connection.transfer = ZoneTransfer(zone, block.responder, question: query.message)
    return true
  }

  /// Writes messages of a transfer as far as the client reads them.
  func continueTransfer(_ connection: TCPConnection) {
    while let transfer = connection.transfer, connection.backlog < 4 * ZoneTransfer.messageLength {
      if let length = transfer.next(into: scratch) {
        connection.append(UnsafeBufferPointer(rebasing: scratch[..<length]), stream: 0)
      } else {
        connection.transfer = nil
      }
    }
  }
}
