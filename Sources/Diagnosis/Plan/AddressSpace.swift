package import Addressing

/// What is known of the address space before any cluster: registries, habits, clouds.
package enum AddressSpace {
  /// A range with a meaning of its own.
  package struct Special: Sendable {
    package let severity: PlanFinding.Severity
    package let prefix: Prefix
    /// What it is, fit after "which is".
    package let meaning: String
    package let source: String

    init(_ severity: PlanFinding.Severity, _ prefix: String, _ meaning: String, _ source: String) {
      self.severity = severity
      self.prefix = Prefix(prefix)!
      self.meaning = meaning
      self.source = source
    }
  }

  /// IANA's special-purpose registries (RFC 6890). Errors can carry no cluster; warnings work until somebody means the
  /// real thing.
  package static let special: [Special] = [
    .init(.error, "0.0.0.0/8", "\"this network\"", "RFC 791"),
    .init(.error, "127.0.0.0/8", "loopback", "RFC 1122"),
    .init(.error, "169.254.0.0/16", "link-local, where metadata services answer", "RFC 3927"),
    .init(.error, "192.0.0.0/24", "for IETF protocols", "RFC 6890"),
    .init(.warning, "192.0.2.0/24", "for documentation", "RFC 5737"),
    .init(.warning, "192.88.99.0/24", "the former 6to4 relay", "RFC 7526"),
    .init(.warning, "198.18.0.0/15", "for benchmarks", "RFC 2544"),
    .init(.warning, "198.51.100.0/24", "for documentation", "RFC 5737"),
    .init(.warning, "203.0.113.0/24", "for documentation", "RFC 5737"),
    .init(.error, "224.0.0.0/4", "multicast", "RFC 5771"),
    .init(.error, "240.0.0.0/4", "reserved", "RFC 1112"),
    .init(.error, "::/127", "the unspecified address and loopback", "RFC 4291"),
    .init(.error, "::ffff:0:0/96", "IPv4 in IPv6's clothes", "RFC 4291"),
    .init(.error, "64:ff9b::/96", "NAT64", "RFC 6052"),
    .init(.warning, "64:ff9b:1::/48", "local NAT64", "RFC 8215"),
    .init(.error, "100::/64", "for discarding", "RFC 6666"),
    .init(.error, "2001::/32", "Teredo", "RFC 4380"),
    .init(.warning, "2001:db8::/32", "for documentation", "RFC 3849"),
    .init(.warning, "2002::/16", "6to4", "RFC 3056"),
    .init(.warning, "3fff::/20", "for documentation", "RFC 9637"),
    .init(.warning, "fc00::/8", "the half of the unique local space without a definition", "RFC 4193 section 3.1"),
    .init(.error, "fe80::/10", "link-local", "RFC 4291"),
    .init(.warning, "fec0::/10", "the abolished site-local space", "RFC 3879"),
    .init(.error, "ff00::/8", "multicast", "RFC 4291"),
  ]

  /// Addresses at which clouds serve instances their metadata, names or time.
  package static let metadata: [(address: IPAddress, owner: String)] = [
    ("169.254.169.254", "the metadata service of every large cloud"), ("168.63.129.16", "Azure's platform address"),
    ("100.100.100.200", "Alibaba Cloud's metadata service"), ("fd00:ec2::254", "AWS's metadata service"),
    ("fd20:ce::254", "Google Cloud's metadata service"),
  ].map { (IPAddress($0.0)!, $0.1) }

  /// RFC 1918.
  package static let private4 = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map { Prefix($0)! }
  /// Shared address space, RFC 6598.
  package static let shared = Prefix("100.64.0.0/10")!
  /// Unique local addresses with the L bit, RFC 4193.
  package static let uniqueLocal = Prefix("fd00::/8")!

  /// Where Docker takes the networks from that it names itself, in its order.
  package static let dockerPools = [
    "172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/14", "172.24.0.0/14", "172.28.0.0/14",
    "192.168.0.0/16",
  ].map { Prefix($0)! }

  /// Ranges half the world uses: whoever comes in by VPN has them at home.
  package static let crowded: [(prefix: Prefix, users: String)] = [
    ("192.168.0.0/23", "home routers"), ("192.168.178.0/24", "home routers"), ("10.0.0.0/24", "routers and first VPCs"),
    ("192.168.122.0/24", "libvirt"),
  ].map { (Prefix($0.0)!, $0.1) }

  /// Cilium's `clusterPoolIPv4PodCIDRList` unless it is told another.
  package static let ciliumDefault = Prefix("10.0.0.0/8")!

  /// The private block a range lies in; nil for one that is public or reaches beyond.
  package static func privateBlock(of prefix: Prefix) -> Prefix? {
    (private4 + [shared, uniqueLocal]).first { $0.contains(prefix) }
  }
}
