package import Addressing
package import Kubernetes

/// A BGP speaker outside of the cluster: a router, or a route server.
package struct BGPPeer: Hashable, Sendable {
  /// Letters, digits, `.`, `_` and `-`, 40 at most; names the session in BIRD and in the status.
  package var name: String
  package var address: IPAddress
  package var port: UInt16 = 179
  package var asNumber: ASNumber
  package var password: BGPPassword?
  /// Which nodes have a session with it.
  package var nodes = LabelSelector()
  /// How many hops away it may be; nil if it is on the node's own link.
  package var multihop: Int?
  /// Families of the routes exchanged; the session's own if nothing else is said.
  package var families: Set<IPFamily>
  /// nil is what the configuration says for all peers.
  package var advertise: Set<BGPAdvertisement>?
  /// Added to those of all peers.
  package var communities: [BGPCommunity] = []
  /// Prefixes that are accepted from it, with all inside them; nil accepts everything but what is the cluster's own.
  package var accept: [Prefix]?

  package init(name: String, address: IPAddress, asNumber: ASNumber) {
    self.name = name
    self.address = address
    self.asNumber = asNumber
    families = [address.family]
  }

  /// Whether text can name a peer.
  package static func isName(_ text: String) -> Bool {
    (1...40).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        switch $0 {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
      }
  }
}
