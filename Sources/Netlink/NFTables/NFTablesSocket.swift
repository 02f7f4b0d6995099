internal import CLinux
internal import Glibc
package import Linux

/// A connection to nf_tables of one network namespace: commits batches and reads back. Not for use by two threads at once.
package final class NFTablesSocket {
  let socket: NetlinkSocket
  private var sendBuffer = 0
  /// Transactions committed with this socket: each raised the generation by one.
  package private(set) var commits: UInt32 = 0

  /// `namespace` nil is the caller's own.
  package init(namespace: NetworkNamespace? = nil) throws(SystemError) {
    socket = try NetlinkSocket(NETLINK_NETFILTER, namespace: namespace)
    socket.setBuffers(receive: 4 << 20)
  }

  /// The port id under which the kernel announces our changes to others, and to ourselves.
  package var port: UInt32 {
    var address = sockaddr_nl()
    var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
    _ = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.descriptor.raw, $0, &length) }
    }
    return address.nl_pid
  }

  /// Applies a batch as one transaction. An empty one does nothing. With `generation` it is refused (ERESTART) unless the
  /// rule set is still at that generation, so that what was read is what is changed.
  package func commit(_ batch: NFTablesBatch, generation: UInt32? = nil) throws {
    if batch.isEmpty { return }
    var begin = NetlinkWriter()
    begin.message(type: UInt16(NFNL_MSG_BATCH_BEGIN), flags: UInt16(NLM_F_REQUEST), sequence: 0) { writer in
      writer.append(structure: Self.batchHeader)
      if let generation { writer.attribute(NFNL_BATCH_GENID, bigEndian: generation) }
    }
    let last = UInt32(batch.count)
    var end = NetlinkWriter()
    end.message(type: UInt16(NFNL_MSG_BATCH_BEGIN) + 1, flags: UInt16(NLM_F_REQUEST), sequence: last + 1) {
      $0.append(structure: Self.batchHeader)
    }
    // The last message asks for an acknowledgement; the kernel sends it once the whole batch is applied. Without errors
    // that one answer is all there is to read. Only its flags are written anew: a large batch is not copied for them.
    let bytes = batch.writer.bytes
    let flags = batch.writer.messageStart + 6
    let asking = [UInt8(bytes[flags] | UInt8(NLM_F_ACK)), bytes[flags + 1]]

    // The kernel takes a batch as one datagram, which must fit the send buffer.
    let count = begin.count + bytes.count + end.count
    if count + 4096 > sendBuffer {
      sendBuffer = Swift.max(count + 4096, 1 << 20)
      socket.setBuffers(send: Int32(clamping: sendBuffer))
    }
    try socket.send([begin.bytes[...], bytes[..<flags], asking[...], bytes[(flags + 2)...], end.bytes[...]])
    try readAnswers(to: batch, last: last)
    commits &+= 1
  }

  /// Everything the kernel has to say is queued when send returns: it handles a batch within the system call.
  private func readAnswers(to batch: NFTablesBatch, last: UInt32) throws {
    var failure: NFTablesError?
    var acknowledged = false
    while let messages = try receiveQueued() {
      for message in messages where Int32(message.type) == NLMSG_ERROR {
        guard let code = message.header(Int32.self) else { continue }
        if code == 0 {
          acknowledged = acknowledged || message.sequence == last
        } else if failure == nil {
          failure = error(-code, message, batch)
        }
      }
    }
    if let failure { throw failure }
    if !acknowledged {
      throw NFTablesError(
        code: EPROTO, operation: "commit nf_tables batch of \(batch.count) messages",
        explanation: "the kernel sent neither an error nor an acknowledgement", element: nil)
    }
  }

  /// The next datagram if there is one.
  private func receiveQueued() throws(SystemError) -> [NetlinkMessage]? {
    do {
      return try socket.receive(flags: CInt(MSG_DONTWAIT))
    } catch {
      if error.code == EAGAIN { return nil }
      throw error
    }
  }

  private func error(_ code: CInt, _ message: NetlinkMessage, _ batch: NFTablesBatch) -> NFTablesError {
    let attributes =
      message.flags & UInt16(NLM_F_ACK_TLVS) != 0 ? message.attributes(after: 20) : NetlinkAttributes([])
    let index = Int(message.sequence) - 1
    let operation =
      batch.operations.indices.contains(index) ? batch.operations[index].description : "commit nf_tables batch"
    let offset: UInt32? = attributes[NLMSGERR_ATTR_OFFS]?.number()
    return NFTablesError(
      code: code, operation: operation, explanation: attributes[NLMSGERR_ATTR_MSG]?.string ?? "",
      element: offset.flatMap { batch.elementKey(sequence: message.sequence, offset: Int($0)) })
  }

  private static let batchHeader = nfgenmsg(
    nfgen_family: UInt8(AF_UNSPEC), version: 0, res_id: UInt16(NFNL_SUBSYS_NFTABLES).bigEndian)
}

extension NetlinkWriter {
  /// Where the message of a sequence number begins.
  func messageOffset(ofSequence sequence: UInt32, from start: Int) -> Int? {
    bytes.withUnsafeBytes { raw in
      var offset = start
      while offset + 16 <= raw.count {
        let length = Int(raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        if raw.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self) == sequence { return offset }
        if length < 16 { return nil }
        offset += (length + 3) & ~3
      }
      return nil
    }
  }
}

extension NFTablesBatch {
  /// The key of the element whose attribute begins at an offset within a message, in hexadecimal.
  func elementKey(sequence: UInt32, offset: Int) -> String? {
    guard let start = writer.messageOffset(ofSequence: sequence, from: 0), offset >= 20,
      start + offset + 4 <= writer.count
    else { return nil }
    let attributes = NetlinkAttributes(writer.bytes[(start + offset)...])
    guard let first = attributes.first(where: { _ in true }), first.type == Int(NFTA_LIST_ELEM.rawValue),
      let key = first.nested[NFTA_SET_ELEM_KEY]?.nested[NFTA_DATA_VALUE]
    else { return nil }
    return key.value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
