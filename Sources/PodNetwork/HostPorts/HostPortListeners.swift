internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux

/// Finds out whether a program of the node serves a port: leading it to a pod would cut that program off without a word.
enum HostPortListeners {
  /// Throws if a socket of the node is in the way.
  static func refuse(_ entry: HostPortEntry, node: NetworkNamespace?) throws {
    // To bind is quick and minds addresses; but it also minds a client that was given this port by chance.
    guard try cannotBind(entry, node: node), isServed(entry, node: node) else { return }
    throw CNIError(
      .hostPortTaken,
      "host port \(entry.described) is taken: a program of this node listens there (see: ss -lntup); "
        + "choose another port, or stop that program")
  }

  /// Whether a socket could not be bound there. What the kernel cannot tell (a family it lacks, an address that is not
  /// there yet) is no obstacle.
  private static func cannotBind(_ entry: HostPortEntry, node: NetworkNamespace?) throws -> Bool {
    guard entry.transport != .sctp else { return false }
    do { return try bindFails(entry, node: node) } catch let error as SystemError {
      if error.code == EAFNOSUPPORT { return false }
      throw error
    }
  }

  private static func bindFails(_ entry: HostPortEntry, node: NetworkNamespace?) throws -> Bool {
    let isTCP = entry.transport == .tcp
    let socket = try socket(entry.family.socketDomain, CInt((isTCP ? SOCK_STREAM : SOCK_DGRAM).rawValue), node)
    var one: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    if entry.family == .v6 { setsockopt(socket.raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &one, size) }
    // With it, TCP connections that are ending are no obstacle; a listener is. For UDP it would hide sockets.
    if isTCP { setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, size) }
    let address = entry.hostAddress ?? IPAddress(entry.family, number: 0)
    return SocketAddress(AddressAndPort(address, entry.hostPort)).bind(socket.raw) != 0 && errno == EADDRINUSE
  }

  private static func socket(
    _ domain: CInt, _ type: CInt, _ node: NetworkNamespace?
  ) throws(SystemError) -> FileDescriptor {
    if let node { return try node.socket(domain, type) }
    return try FileDescriptor.socket(domain, type)
  }

  /// Whether the kernel lists a socket that waits for strangers at this port.
  private static func isServed(_ entry: HostPortEntry, node: NetworkNamespace?) -> Bool {
    for suffix in ["", "6"] {
      let path = "/proc/thread-self/net/\(entry.transport.name)\(suffix)"
      // A kernel without the family has no such file.
      let text = (try? node.map { try $0.open(path).readAll() } ?? Files.read(path)) ?? []
      if text.split(separator: 0x0A).dropFirst().contains(where: { isServed(entry, line: $0) }) { return true }
    }
    return false
  }

  /// A line of /proc/net/tcp or udp: number, local and remote address with ports in hexadecimal, state (0A: listening).
  static func isServed(_ entry: HostPortEntry, line: some Collection<UInt8>) -> Bool {
    let words = line.split(separator: 0x20, maxSplits: 4).map { String(decoding: $0, as: UTF8.self) }
    guard words.count > 3 else { return false }
    func port(_ word: String) -> UInt16? {
      word.lastIndex(of: ":").flatMap { UInt16(word[word.index(after: $0)...], radix: 16) }
    }
    guard port(words[1]) == entry.hostPort else { return false }
    return entry.transport == .tcp ? words[3] == "0A" : port(words[2]) == 0
  }
}
