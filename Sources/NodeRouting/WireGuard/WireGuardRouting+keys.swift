internal import Glibc
internal import Linux
internal import Netlink

extension WireGuardRouting {
  /// A link that only derives a public key; never up, gone at once.
  private static let derivationLink = "swiftlet.wg-key"

  /// The node's keys: those of the file, those of a link that an earlier agent left, or new ones; a step further where
  /// they are being changed. The file is written before anything else hears of a key.
  func advanceKeys(request: String?) throws -> WireGuardKeys {
    var keys = try self.keys ?? storedKeys(request)
    let now = Int64(Time.wallSeconds)
    switch keys.step(now: now, interval: configuration.rotationInterval, notice: configuration.notice, request: request)
    {
    case .none: break
    case .announce:
      keys.next = try makePair(.random(), now)
      keys.request = request ?? keys.request
      try keys.write(file: configuration.keyFile)
      log.info("a new key is announced; it is used in \(configuration.notice) s")
    case .change:
      guard var next = keys.next else { break }
      next.made = now
      (keys.current, keys.next) = (next, nil)
      try keys.write(file: configuration.keyFile)
      log.info("the new key is in use: sessions with peers begin anew")
    }
    self.keys = keys
    return keys
  }

  private func storedKeys(_ request: String?) throws -> WireGuardKeys {
    if let stored = WireGuardKeys(file: configuration.keyFile) { return stored }
    let made = try wireguard.device(interface).privateKey
    let keys = WireGuardKeys(current: try makePair(made ?? .random(), Int64(Time.wallSeconds)), request: request)
    try keys.write(file: configuration.keyFile)
    return keys
  }

  /// The kernel is asked for the public key: curve arithmetic is its trade.
  private func makePair(_ privateKey: WireGuardPrivateKey, _ now: Int64) throws -> WireGuardKeys.Pair {
    if let left = try socket.link(.name(Self.derivationLink)) {
      try socket.perform(.deleteLink(.index(left.index)).accepting(ENODEV))
    }
    try addLink(Self.derivationLink)
    guard let link = try socket.link(.name(Self.derivationLink)) else {
      throw RoutingError("link \(Self.derivationLink) vanished while it was made")
    }
    defer { try? socket.perform(.deleteLink(.index(link.index))) }
    try wireguard.change(link.index, WireGuardChange(privateKey: privateKey))
    guard let publicKey = try wireguard.device(link.index).publicKey else {
      throw RoutingError("the kernel derived no public key on link \(Self.derivationLink)")
    }
    return WireGuardKeys.Pair(privateKey: privateKey, publicKey: publicKey, made: now)
  }
}
