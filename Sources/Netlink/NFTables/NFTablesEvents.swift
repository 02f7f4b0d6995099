internal import CLinux
internal import Glibc
package import Linux

/// A change to nf_tables that the kernel announced (NFNLGRP_NFTABLES).
package enum NFTablesEvent: Hashable, Sendable {
  /// Something of a table changed: the table itself, a chain, rule, set or element.
  case changed(family: NFFamily, table: String)
  /// The end of a transaction: the generation it made, and the process that did it.
  case committed(generation: UInt32, processID: UInt32, processName: String)
  /// Announcements were lost, so that anything may have changed.
  case lost
}

/// Announcements of changes to nf_tables in one network namespace by others than the sockets named. What our own sockets
/// do is dropped by a socket filter in the kernel, so that a bulk load of ours does not flood the queue.
package final class NFTablesEvents: @unchecked Sendable {
  // @unchecked: only the thread that receives uses the socket after init.
  private let socket: NetlinkSocket

  /// `ignoring` are port ids of our sockets (`NFTablesSocket.port`).
  package init(namespace: NetworkNamespace? = nil, ignoring ports: [UInt32]) throws(SystemError) {
    socket = try NetlinkSocket(NETLINK_NETFILTER, namespace: namespace)
    socket.setBuffers(receive: 1 << 20)
    try attachFilter(ignoring: ports)
    try socket.join(group: UInt32(NFNLGRP_NFTABLES.rawValue))
  }

  /// For poll(2): readable when there is something to receive.
  package var descriptor: CInt { socket.descriptor.raw }

  /// Every announcement of one datagram is of one originator, whose port id all its headers carry (offset 12).
  private func attachFilter(ignoring ports: [UInt32]) throws(SystemError) {
    precondition(ports.count < 200)
    let load = UInt16(BPF_LD | BPF_W | BPF_ABS)
    let jumpIfEqual = UInt16(BPF_JMP | BPF_JEQ | BPF_K)
    let answer = UInt16(BPF_RET | BPF_K)
    var program = [sock_filter(code: load, jt: 0, jf: 0, k: 12)]
    for (index, port) in ports.enumerated() {
      // A word is loaded in network order, the header is in host order.
      program.append(sock_filter(code: jumpIfEqual, jt: UInt8(ports.count - index), jf: 0, k: port.bigEndian))
    }
    program.append(sock_filter(code: answer, jt: 0, jf: 0, k: UInt32.max))
    program.append(sock_filter(code: answer, jt: 0, jf: 0, k: 0))
    let raw = socket.descriptor.raw
    try check("attach filter to netlink socket") {
      program.withUnsafeMutableBufferPointer { buffer in
        var filter = sock_fprog(len: UInt16(buffer.count), filter: buffer.baseAddress)
        return setsockopt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &filter, socklen_t(MemoryLayout<sock_fprog>.size))
      }
    }
  }

  /// Waits for announcements; with `wait` false returns an empty list if there are none.
  package func receive(wait: Bool = true) throws(SystemError) -> [NFTablesEvent] {
    let messages: [NetlinkMessage]
    do {
      messages = try socket.receive(flags: wait ? 0 : CInt(MSG_DONTWAIT))
    } catch {
      if error.code == ENOBUFS { return [.lost] }
      if error.code == EAGAIN { return [] }
      throw error
    }
    var events: [NFTablesEvent] = []
    for message in messages {
      guard let event = Self.event(message), events.last != event else { continue }
      events.append(event)
    }
    return events
  }

  /// nil for messages of no interest here.
  package static func event(_ message: NetlinkMessage) -> NFTablesEvent? {
    guard message.type >> 8 == UInt16(NFNL_SUBSYS_NFTABLES) else { return nil }
    let attributes = message.attributes(after: 4)
    if message.type == NFTablesBatch.type(NFT_MSG_NEWGEN) {
      return .committed(
        generation: attributes[NFTA_GEN_ID]?.bigEndian() ?? 0,
        processID: attributes[NFTA_GEN_PROC_PID]?.bigEndian() ?? 0,
        processName: attributes[NFTA_GEN_PROC_NAME]?.string ?? "")
    }
    // Type 1 is the table's name in the attributes of tables, chains, rules, sets and elements alike.
    guard let family = message.payload.first.flatMap(NFFamily.init(rawValue:)),
      let name = attributes[NFTA_TABLE_NAME]?.string
    else { return nil }
    return .changed(family: family, table: name)
  }
}
