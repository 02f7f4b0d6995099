package import Addressing
internal import Linux

/// The file by which flannel's agent tells its CNI plugin what to do, `/run/flannel/subnet.env`: shell assignments.
package struct FlannelEnvironment: Hashable, Sendable {
  package static let defaultPath = "/run/flannel/subnet.env"

  /// The ranges of all pods, of which the first a family counts.
  package var networks: [Prefix]
  /// This node's ranges, of which the first a family counts.
  package var subnets: [Prefix]
  /// The pods' MTU.
  package var mtu: Int

  package init(networks: [Prefix], subnets: [Prefix], mtu: Int) {
    self.networks = networks
    self.subnets = subnets
    self.mtu = mtu
  }

  /// A subnet is written as the gateway's address with the range's length. Masquerading is on, and our own.
  package var text: String {
    var lines: [String] = []
    for (family, prefix) in [(IPFamily.v4, "FLANNEL_"), (.v6, "FLANNEL_IPV6_")] {
      if let network = networks.first(where: { $0.family == family }) { lines.append("\(prefix)NETWORK=\(network)") }
      if let subnet = subnets.first(where: { $0.family == family }) {
        let gateway = subnet.address(at: 1) ?? subnet.first
        lines.append("\(prefix)SUBNET=\(gateway)/\(subnet.length)")
      }
    }
    lines.append("FLANNEL_MTU=\(mtu)")
    lines.append("FLANNEL_IPMASQ=true")
    return lines.map { $0 + "\n" }.joined()
  }

  /// Writes the file as a whole, if it differs from what is there.
  package func write(to path: String) throws {
    if let present = try? Files.readText(path), present == text { return }
    try Files.makeDirectories(Files.parent(of: path))
    try Files.write(path, text)
  }
}
