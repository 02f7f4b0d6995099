/// What a link of this machine is used for, told by its name and the kernel's name of its kind.
struct LinkUse: Hashable {
  let network: PlannedRange.Network
  /// Who made it, as words before the link's name: `Docker's`.
  let owner: String

  /// `docker0` and the bridges Docker names by the first twelve digits of a network's id, tunnels of VPNs, links of pod
  /// networks; everything else is a network the machine is attached to.
  init(name: String, kind: String?) {
    let (network, owner) = Self.known(name, kind)
    self.network = network
    self.owner = owner
  }

  private static let prefixes: [(String, PlannedRange.Network, String)] = [
    ("docker", .docker, "Docker's "), ("tailscale", .vpn, "Tailscale's "), ("zt", .vpn, "ZeroTier's "),
    ("wg", .vpn, "WireGuard's "), ("nordlynx", .vpn, "NordVPN's "), ("ipsec", .vpn, "IPsec's "), ("ppp", .vpn, ""),
    ("tun", .vpn, ""), ("utun", .vpn, ""), ("vti", .vpn, ""),
    ("podman", .virtual, "Podman's "), ("cni-podman", .virtual, "Podman's "), ("virbr", .virtual, "libvirt's "),
    ("lxdbr", .virtual, "LXD's "), ("incusbr", .virtual, "Incus's "), ("lxcbr", .virtual, "LXC's "),
    ("vmnet", .virtual, "VMware's "), ("vboxnet", .virtual, "VirtualBox's "), ("waydroid", .virtual, "Waydroid's "),
    ("cni", .cni, ""), ("flannel", .cni, ""), ("cali", .cni, ""), ("vxlan.calico", .cni, ""), ("tunl0", .cni, ""),
    ("cilium", .cni, ""), ("lxc_health", .cni, ""), ("kube-", .cni, ""), ("weave", .cni, ""), ("swiftlet", .cni, ""),
    ("nodelocaldns", .cni, ""), ("antrea", .cni, ""), ("ovn-k8s", .cni, ""),
  ]

  private static func known(_ name: String, _ kind: String?) -> (PlannedRange.Network, String) {
    if kind == "bridge", name.hasPrefix("br-"), name.count == 15,
      name.dropFirst(3).allSatisfy({ $0.isHexDigit && !$0.isUppercase })
    {
      return (.docker, "Docker's ")
    }
    // Longer names first: cni-podman0 is Podman's, not a pod network's.
    let match = prefixes.filter { name.hasPrefix($0.0) && isEnd(name.dropFirst($0.0.count), after: $0.0) }
      .max { $0.0.count < $1.0.count }
    if let match { return (match.1, match.2) }
    switch kind {
    case "wireguard", "tun", "xfrm", "vti", "vti6", "ppp": return (.vpn, "")
    case "ipip", "sit", "gre", "ip6tnl", "vxlan", "geneve": return (.route, "")
    default: return (.link, "")
    }
  }

  /// Short prefixes are followed by a number, or they begin other people's names.
  private static func isEnd(_ rest: Substring, after prefix: String) -> Bool {
    prefix.count > 3 || rest.first.map { $0.isNumber } ?? true || prefix == "zt"
  }
}
