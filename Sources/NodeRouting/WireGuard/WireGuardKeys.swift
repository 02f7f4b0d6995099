internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux
package import Netlink

/// A node's WireGuard keys, kept in a file that only root reads: they are the same after an agent's restart, so that no
/// session ends.
package struct WireGuardKeys: Hashable, Sendable {
  /// A key pair and since when there is it, in seconds since the epoch.
  package struct Pair: Hashable, Sendable {
    package var privateKey: WireGuardPrivateKey
    package var publicKey: WireGuardPublicKey
    package var made: Int64

    package init(privateKey: WireGuardPrivateKey, publicKey: WireGuardPublicKey, made: Int64) {
      self.privateKey = privateKey
      self.publicKey = publicKey
      self.made = made
    }
  }

  package var current: Pair
  /// The pair that peers are being told of.
  package var next: Pair?
  /// The operator's request for a change that was heard last.
  package var request: String?

  package init(current: Pair, next: Pair? = nil, request: String? = nil) {
    self.current = current
    self.next = next
    self.request = request
  }

  /// What is to be done about the keys now.
  package enum Step: Hashable, Sendable {
    case none
    /// A pair is made and announced as the next one.
    case announce
    /// The next pair becomes the current one.
    case change
  }

  /// - Parameters:
  ///   - now: seconds since the epoch.
  ///   - interval: seconds that a pair is in use; nil for good.
  ///   - notice: seconds for which peers are told of a key before it is used.
  ///   - request: the operator's request; one not heard before asks for a change.
  package func step(now: Int64, interval: Int64?, notice: Int64, request: String?) -> Step {
    if let next { return now - next.made >= notice || now < next.made ? .change : .none }
    if let request, request != self.request { return .announce }
    if let interval, now - current.made >= interval { return .announce }
    return .none
  }

  /// The file's keys; nil if there is no file, or none that can be used, which is then replaced.
  package init?(file path: String) {
    guard let bytes = try? Files.read(path), let json = try? JSON(parsing: bytes), let current = Pair(json["current"])
    else { return nil }
    self.init(current: current, next: Pair(json["next"]), request: json["request"].string)
  }

  /// Writes the file as a whole, mode 0600, and sees to it that it survives a power loss.
  package func write(file path: String) throws {
    var members: [(String, JSON)] = [("current", current.json)]
    if let next { members.append(("next", next.json)) }
    if let request { members.append(("request", .string(request))) }
    try Files.makeDirectories(Files.parent(of: path))
    try Files.write(path, JSON.object(JSON.Object(members)).description, mode: 0o600, durable: true)
  }
}

extension WireGuardKeys.Pair {
  fileprivate init?(_ json: JSON) {
    guard let secret = json["privateKey"].string.flatMap(Base64.decode).flatMap({ WireGuardPrivateKey($0) }),
      let key = json["publicKey"].string.flatMap(WireGuardPublicKey.init(base64:)), let made = json["made"].int
    else { return nil }
    self.init(privateKey: secret, publicKey: key, made: Int64(made))
  }

  fileprivate var json: JSON {
    [
      "privateKey": .string(Base64.encode(privateKey.bytes)), "publicKey": .string(publicKey.base64),
      "made": .int(made),
    ]
  }
}
