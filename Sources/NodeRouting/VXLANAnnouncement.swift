package import Addressing
package import ClusterModel

/// What a node tells its peers about its tunnel end, in the Node annotations that flannel uses, so that nodes of both
/// kinds can reach one another.
package struct VXLANAnnouncement: Hashable, Sendable {
  /// Ethernet address of the node's VXLAN link.
  package var mac: MACAddress
  /// Where other nodes send the tunnel's packets.
  package var publicAddress: IPAddress
  /// VXLAN network identifier; flannel's default is 1.
  package var id: UInt32

  package init(mac: MACAddress, publicAddress: IPAddress, id: UInt32 = 1) {
    self.mac = mac
    self.publicAddress = publicAddress
    self.id = id
  }

  private static let prefix = "flannel.alpha.coreos.com/"

  /// The annotations to put on the node's own object.
  package var annotations: [String: String] {
    [
      Self.prefix + "backend-type": "vxlan",
      Self.prefix + "backend-data": #"{"VNI":\#(id),"VtepMAC":"\#(mac)"}"#,
      Self.prefix + "public-ip": "\(publicAddress)",
      Self.prefix + "kube-subnet-manager": "true",
    ]
  }

  /// What a node announces; nil while it announces no VXLAN tunnel end, or one that cannot be read.
  package init?(of node: Node) {
    guard node.annotations[Self.prefix + "backend-type"] == "vxlan",
      let data = node.annotations[Self.prefix + "backend-data"],
      let address = node.annotations[Self.prefix + "public-ip"].flatMap({ IPAddress($0) })
    else { return nil }
    guard let mac = Self.text("VtepMAC", in: data).flatMap({ MACAddress($0) }) else { return nil }
    self.init(mac: mac, publicAddress: address, id: Self.number("VNI", in: data) ?? 1)
  }

  /// A value of the small JSON object that flannel writes: `{"VNI":1,"VtepMAC":"…"}`.
  private static func value(_ key: String, in data: String) -> Substring? {
    guard let range = data.firstRange(of: "\"\(key)\"") else { return nil }
    return data[range.upperBound...].drop { $0 == ":" || $0 == " " }.prefix { $0 != "," && $0 != "}" }
  }

  private static func text(_ key: String, in data: String) -> String? {
    value(key, in: data).map { String($0.filter { $0 != "\"" && $0 != " " }) }
  }

  private static func number(_ key: String, in data: String) -> UInt32? { text(key, in: data).flatMap { UInt32($0) } }
}
