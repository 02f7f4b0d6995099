package import Addressing
internal import CLinux
internal import Glibc
package import Linux

/// Leases on disk as host-local keeps them, so that either can take over from the other: a folder for each network, a
/// file for each address (mode 0600, made with O_EXCL, holding `containerID\r\nifname`), the last one given out in
/// `last_reserved_ip.N`, and `lock` for flock(2).
package struct LeaseStore: Sendable {
  package typealias Attachment = NetworkConfiguration.Attachment

  package let directory: String

  package init(dataDirectory: String, network: String) { directory = "\(dataDirectory)/\(network)" }

  /// Leases one address from each set, or none at all. A duplicate check is left to the caller, who sees the pod's
  /// interface.
  package func lease(_ sets: [LeaseRangeSet], to attachment: Attachment) throws -> [IPAddress] {
    try withLock {
      var leased: [IPAddress] = []
      do {
        for (index, set) in sets.enumerated() { leased.append(try lease(set, index, attachment)) }
      } catch {
        for address in leased { try? Files.remove(path(address)) }
        throw error
      }
      return leased
    }
  }

  private func lease(_ set: LeaseRangeSet, _ index: Int, _ attachment: Attachment) throws -> IPAddress {
    let pointer = "\(directory)/last_reserved_ip.\(index)"
    let last = (try? Files.readText(pointer)).flatMap { IPAddress($0) }
    for candidate in set.candidates(after: last) {
      guard try create(path(candidate), "\(attachment.containerID)\r\n\(attachment.interfaceName)") else { continue }
      do {
        // Written in place, as host-local does; without it the search would only begin elsewhere.
        try FileDescriptor.open(pointer, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600).writeAll(
          Array("\(candidate)".utf8))
      } catch {
        try? Files.remove(path(candidate))
        throw error
      }
      return candidate
    }
    let ranges = set.ranges.map { "\($0.start)-\($0.end)" }.joined(separator: ", ")
    throw CNIError(
      .exhausted, "no address is free in \(ranges); delete pods, or leases in \(directory) whose pods are gone")
  }

  /// False if the address is leased already.
  private func create(_ path: String, _ text: String) throws(SystemError) -> Bool {
    let raw = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if raw < 0 {
      if errno == EEXIST { return false }
      throw SystemError("create \(path)")
    }
    do {
      try FileDescriptor(owning: raw).writeAll(Array(text.utf8))
      return true
    } catch {
      // An empty lease would belong to nobody.
      unlink(path)
      throw SystemError("write \(path)", code: error.code)
    }
  }

  /// Takes back what an attachment holds and returns the addresses. With `hint`, the addresses it is known to have, the
  /// folder is only searched if one of them is not its own. Nothing held is success.
  @discardableResult
  package func release(_ attachment: Attachment, hint: [IPAddress] = []) throws -> [IPAddress] {
    guard Files.exists(directory) else { return [] }
    return try withLock {
      var held = hint
      if hint.isEmpty || !hint.allSatisfy({ holder(of: $0).map { Self.is($0, attachment) } ?? false }) {
        held = try leases().filter { Self.is($0.holder, attachment) }.map(\.address)
      }
      for address in held { try Files.remove(path(address)) }
      return held
    }
  }

  /// Takes back whatever is held by attachments that are not in the list.
  package func release(allBut valid: Set<Attachment>) throws -> [IPAddress] {
    guard Files.exists(directory) else { return [] }
    return try withLock {
      let stale = try leases().filter { lease in !valid.contains { Self.is(lease.holder, $0) } }.map(\.address)
      for address in stale { try Files.remove(path(address)) }
      return stale
    }
  }

  /// All leases.
  package func leases() throws(SystemError) -> [(address: IPAddress, holder: Attachment)] {
    var found: [(IPAddress, Attachment)] = []
    for name in try Files.list(directory) {
      guard let address = IPAddress(name), let holder = holder(of: address) else { continue }
      found.append((address, holder))
    }
    return found
  }

  /// Who holds an address; nil if nobody does.
  package func holder(of address: IPAddress) -> Attachment? {
    guard let text = try? Files.readText(path(address)) else { return nil }
    // "\r\n" is one Character in Swift: split by bytes.
    let lines = text.utf8.split { $0 == 0x0D || $0 == 0x0A }.map { String(Substring($0)) }
    return Attachment(containerID: lines.first ?? "", interfaceName: lines.count > 1 ? lines[1] : "")
  }

  /// A lease of an old host-local names no interface and counts for any.
  private static func `is`(_ holder: Attachment, _ attachment: Attachment) -> Bool {
    holder.containerID == attachment.containerID
      && (holder.interfaceName == attachment.interfaceName || holder.interfaceName.isEmpty)
  }

  private func path(_ address: IPAddress) -> String { "\(directory)/\(address)" }

  private func withLock<Result>(_ body: () throws -> Result) throws -> Result {
    let lock = try takeLock()
    do {
      let result = try body()
      letGo(lock)
      return result
    } catch {
      letGo(lock)
      throw error
    }
  }

  private func takeLock() throws(SystemError) -> FileLock {
    do { return try FileLock("\(directory)/lock") } catch  where error.code == ENOENT {
      try Files.makeDirectories(directory)
      return try FileLock("\(directory)/lock")
    }
  }

  private func letGo(_ lock: consuming FileLock) {}
}
