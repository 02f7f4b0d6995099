package import Addressing
internal import CLinux

/// A WireGuard link, as the kernel describes it (linux/wireguard.h).
package struct WireGuardDevice: Hashable, Sendable {
  package var interface: Int32
  package var privateKey: WireGuardPrivateKey?
  /// The kernel derives it from the private key.
  package var publicKey: WireGuardPublicKey?
  /// UDP port; 0 while none was set.
  package var port: UInt16
  package var peers: [WireGuardPeer]

  /// From the messages of one dump. A peer whose prefixes do not fit one message goes on in the next.
  package init?(_ messages: [NetlinkMessage]) {
    guard let first = messages.first?.genericAttributes,
      let interface: Int32 = first[Int(WGDEVICE_A_IFINDEX.rawValue)]?.number()
    else { return nil }
    self.interface = interface
    privateKey = first[Int(WGDEVICE_A_PRIVATE_KEY.rawValue)].flatMap { WireGuardPrivateKey($0.value) }
    publicKey = first[Int(WGDEVICE_A_PUBLIC_KEY.rawValue)].flatMap { WireGuardPublicKey($0.value) }
    port = first[Int(WGDEVICE_A_LISTEN_PORT.rawValue)]?.number() ?? 0
    peers = []
    for message in messages {
      for entry in message.genericAttributes[Int(WGDEVICE_A_PEERS.rawValue)]?.nested ?? NetlinkAttributes([]) {
        guard let peer = WireGuardPeer(entry.nested) else { continue }
        if let last = peers.indices.last, peers[last].publicKey == peer.publicKey {
          peers[last].allowed += peer.allowed
        } else {
          peers.append(peer)
        }
      }
    }
  }
}

/// A peer of a WireGuard link.
package struct WireGuardPeer: Hashable, Sendable {
  package var publicKey: WireGuardPublicKey
  /// Where packets to it are sent: what was set, or where it last spoke from.
  package var endpoint: AddressAndPort?
  /// Seconds between packets that keep a way open; 0 for none.
  package var keepalive: UInt16
  /// Which destinations are sent to it, and which sources are taken from it.
  package var allowed: [Prefix]
  /// Seconds since the epoch; 0 for none yet.
  package var lastHandshake: Int64
  package var receivedBytes: UInt64
  package var sentBytes: UInt64

  init?(_ attributes: NetlinkAttributes) {
    guard let key = attributes[Int(WGPEER_A_PUBLIC_KEY.rawValue)].flatMap({ WireGuardPublicKey($0.value) }) else {
      return nil
    }
    publicKey = key
    keepalive = 0
    allowed = []
    lastHandshake = 0
    receivedBytes = 0
    sentBytes = 0
    for attribute in attributes {
      switch UInt32(attribute.type) {
      case WGPEER_A_ENDPOINT.rawValue: endpoint = AddressAndPort(socketAddress: attribute.value)
      case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL.rawValue: keepalive = attribute.number() ?? 0
      case WGPEER_A_LAST_HANDSHAKE_TIME.rawValue: lastHandshake = attribute.number() ?? 0
      case WGPEER_A_RX_BYTES.rawValue: receivedBytes = attribute.number() ?? 0
      case WGPEER_A_TX_BYTES.rawValue: sentBytes = attribute.number() ?? 0
      case WGPEER_A_ALLOWEDIPS.rawValue: allowed += attribute.nested.compactMap { Prefix(allowed: $0.nested) }
      default: break
      }
    }
  }
}

extension Prefix {
  fileprivate init?(allowed attributes: NetlinkAttributes) {
    guard let address = attributes[Int(WGALLOWEDIP_A_IPADDR.rawValue)]?.address,
      let length: UInt8 = attributes[Int(WGALLOWEDIP_A_CIDR_MASK.rawValue)]?.number(),
      Int(length) <= address.family.bits
    else { return nil }
    self.init(address, length: Int(length))
  }
}

extension AddressAndPort {
  /// From a `sockaddr_in` or `sockaddr_in6` as it lies in memory; nil for anything else.
  init?(socketAddress bytes: ArraySlice<UInt8>) {
    guard bytes.count >= MemoryLayout<sockaddr_in>.size else { return nil }
    let (family, port) = bytes.withUnsafeBytes {
      ($0.loadUnaligned(as: UInt16.self), UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
    }
    let start = bytes.startIndex
    switch CInt(family) {
    case AF_INET:
      guard let address = IPAddress(bytes: bytes[(start + 4)..<(start + 8)]) else { return nil }
      self.init(address, port)
    case AF_INET6:
      guard bytes.count >= MemoryLayout<sockaddr_in6>.size,
        let address = IPAddress(bytes: bytes[(start + 8)..<(start + 24)])
      else { return nil }
      self.init(address, port)
    default: return nil
    }
  }

  /// The bytes of a `sockaddr_in` or `sockaddr_in6`.
  var socketAddressBytes: [UInt8] {
    var writer = NetlinkWriter()
    writer.append(UInt16(addressFamily(address.family)))
    writer.append(port.bigEndian)
    // IPv6 has its flow label before and its scope after the address, IPv4 eight unused bytes after it.
    if address.family == .v6 { writer.append(UInt32(0)) }
    writer.append(bytes: address.bytes)
    writer.append(bytes: [UInt8](repeating: 0, count: address.family == .v6 ? 4 : 8))
    return writer.bytes
  }
}
