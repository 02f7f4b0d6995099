package import Addressing
internal import CLinux

/// What is to become of a WireGuard link; nil leaves what is there.
package struct WireGuardChange: Hashable, Sendable {
  package var privateKey: WireGuardPrivateKey?
  package var port: UInt16?
  package var peers: [Peer]

  package init(privateKey: WireGuardPrivateKey? = nil, port: UInt16? = nil, peers: [Peer] = []) {
    self.privateKey = privateKey
    self.port = port
    self.peers = peers
  }

  /// What is to become of one peer.
  package struct Peer: Hashable, Sendable {
    package enum Action: Sendable {
      /// It is made unless it is there.
      case set
      /// It is changed if it is there.
      case update
      case remove
    }

    package var action: Action
    package var publicKey: WireGuardPublicKey
    package var endpoint: AddressAndPort?
    /// Seconds, 0 for none. A change from 0 sends a packet at once, which begins a handshake where there is no session.
    package var keepalive: UInt16?
    /// The whole list; nil leaves it. A prefix that another peer had goes over to this one.
    package var allowed: [Prefix]?

    package init(
      _ publicKey: WireGuardPublicKey, _ action: Action = .set, endpoint: AddressAndPort? = nil,
      keepalive: UInt16? = nil, allowed: [Prefix]? = nil
    ) {
      self.publicKey = publicKey
      self.action = action
      self.endpoint = endpoint
      self.keepalive = keepalive
      self.allowed = allowed
    }
  }

  /// Prefixes in one entry of a peer: an attribute's length has 16 bits, and each takes up to 40 bytes.
  private static let prefixesAnEntry = 500
  /// Bytes after which a further peer goes into another message.
  private static let messageSize = 24_000

  /// The attributes of the messages that carry the change, in their order; the first has what concerns the link itself.
  package func messages(to interface: Int32) -> [[UInt8]] {
    var entries = peers.flatMap(Self.entries)[...]
    var messages: [[UInt8]] = []
    repeat {
      var writer = NetlinkWriter()
      writer.attribute(Int(WGDEVICE_A_IFINDEX.rawValue), interface)
      if messages.isEmpty {
        if let privateKey { writer.attribute(Int(WGDEVICE_A_PRIVATE_KEY.rawValue), bytes: privateKey.bytes) }
        if let port { writer.attribute(Int(WGDEVICE_A_LISTEN_PORT.rawValue), port) }
      }
      if !entries.isEmpty {
        writer.nested(Int(WGDEVICE_A_PEERS.rawValue)) { writer in
          while let entry = entries.popFirst() {
            writer.nested(0) { $0.append(bytes: entry) }
            if writer.count > Self.messageSize { break }
          }
        }
      }
      messages.append(writer.bytes)
    } while !entries.isEmpty
    return messages
  }

  /// A peer, as one entry or, with very many prefixes, as several.
  private static func entries(_ peer: Peer) -> [[UInt8]] {
    var rest = (peer.allowed ?? [])[...]
    var entries: [[UInt8]] = []
    repeat {
      let part = rest.prefix(prefixesAnEntry)
      rest = rest.dropFirst(part.count)
      var writer = NetlinkWriter()
      writer.attribute(Int(WGPEER_A_PUBLIC_KEY.rawValue), bytes: peer.publicKey.bytes)
      var flags: UInt32 = 0
      switch peer.action {
      case .set: break
      case .update: flags |= WGPEER_F_UPDATE_ONLY.rawValue
      case .remove: flags |= WGPEER_F_REMOVE_ME.rawValue
      }
      if peer.allowed != nil, entries.isEmpty { flags |= WGPEER_F_REPLACE_ALLOWEDIPS.rawValue }
      if flags != 0 { writer.attribute(Int(WGPEER_A_FLAGS.rawValue), flags) }
      if entries.isEmpty {
        if let endpoint = peer.endpoint {
          writer.attribute(Int(WGPEER_A_ENDPOINT.rawValue), bytes: endpoint.socketAddressBytes)
        }
        if let keepalive = peer.keepalive {
          writer.attribute(Int(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL.rawValue), keepalive)
        }
      }
      if !part.isEmpty {
        writer.nested(Int(WGPEER_A_ALLOWEDIPS.rawValue)) { writer in
          for prefix in part {
            writer.nested(0) { writer in
              writer.attribute(Int(WGALLOWEDIP_A_FAMILY.rawValue), UInt16(addressFamily(prefix.family)))
              writer.attribute(Int(WGALLOWEDIP_A_IPADDR.rawValue), prefix.address)
              writer.attribute(Int(WGALLOWEDIP_A_CIDR_MASK.rawValue), UInt8(prefix.length))
            }
          }
        }
      }
      entries.append(writer.bytes)
    } while !rest.isEmpty
    return entries
  }
}
