internal import JSON
internal import Kubernetes
package import Netlink

/// How a node is reached by WireGuard, as it says in its annotations: flannel's `{"PublicKey":"…","Port":51820}`, and in
/// our own one also the key that is to follow, so that peers know it before it is used.
package struct WireGuardAnnouncement: Hashable, Sendable {
  /// UDP port.
  package var port: UInt16
  package var publicKey: WireGuardPublicKey
  /// The key that the node will change to.
  package var nextKey: WireGuardPublicKey?

  package init(port: UInt16, publicKey: WireGuardPublicKey, nextKey: WireGuardPublicKey? = nil) {
    self.port = port
    self.publicKey = publicKey
    self.nextKey = nextKey
  }

  /// flannel's port over IPv4, which a node that names none uses.
  package static let defaultPort: UInt16 = 51820

  /// nil for anything else than the small JSON object.
  package init?(parsing text: String) {
    guard let json = try? JSON(parsing: Array(text.utf8)),
      let key = json["PublicKey"].string.flatMap(WireGuardPublicKey.init(base64:))
    else { return nil }
    var port = Self.defaultPort
    if json["Port"] != .null {
      guard let number = json["Port"].int.flatMap({ UInt16(exactly: $0) }), number != 0 else { return nil }
      port = number
    }
    self.init(port: port, publicKey: key, nextKey: json["Next"].string.flatMap(WireGuardPublicKey.init(base64:)))
  }

  /// What a peer announces. flannel's annotation counts where it names another key than ours does: then flannel's agent has
  /// taken the node over since.
  package init?(_ peer: RoutePeer) {
    let own = peer.annotations[RouteAnnotation.wireguard].flatMap(Self.init(parsing:))
    var flannels: Self?
    if peer.annotations[RouteAnnotation.flannelType] == RoutingMode.wireguard.flannelType {
      let texts = [RouteAnnotation.flannelData, RouteAnnotation.flannelData6].compactMap { peer.annotations[$0] }
      flannels = texts.compactMap(Self.init(parsing:)).first
    }
    if let own, flannels == nil || flannels?.publicKey == own.publicKey {
      self = own
    } else if let flannels {
      self = flannels
    } else {
      return nil
    }
  }

  /// What flannel reads.
  package var flannelText: String { #"{"PublicKey":"\#(publicKey.base64)","Port":\#(port)}"# }

  /// What our agents read.
  package var text: String {
    guard let nextKey else { return flannelText }
    return #"{"PublicKey":"\#(publicKey.base64)","Port":\#(port),"Next":"\#(nextKey.base64)"}"#
  }
}

extension WireGuardPublicKey {
  /// From the text that `wg` and flannel use.
  package init?(base64 text: String) {
    guard let bytes = Base64.decode(text) else { return nil }
    self.init(bytes)
  }

  package var base64: String { Base64.encode(bytes) }
}
