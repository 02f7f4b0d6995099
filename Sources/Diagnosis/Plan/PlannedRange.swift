package import Addressing

/// One address range of a cluster, or of something a cluster must stay clear of: what it is for, and who asked for it.
package struct PlannedRange: Hashable, Sendable {
  /// What the addresses are for.
  package enum Role: String, Hashable, Sendable, CaseIterable {
    case node, pod, service
    /// A range that is taken already: an office, a VPN, a route of the machine, the lab's outside world.
    case reserved
  }

  /// What kind of network a reserved range belongs to; it decides which overlaps are harmless.
  package enum Network: String, Hashable, Sendable, CaseIterable {
    case office, vpn
    /// The cloud's own network, in which the nodes have their place.
    case vpc
    /// A network of containers that exists.
    case docker
    /// Where Docker takes its next network from.
    case dockerPool = "docker-pool"
    /// A network of virtual machines or system containers on this machine.
    case virtual
    /// A network this machine is attached to: nodes may well be on it.
    case link
    /// A network this machine reaches by a router.
    case route
    /// The pod network of a cluster that this machine is in already.
    case cni
    /// A name server this machine asks.
    case resolver
    case other
  }

  package let role: Role
  /// Of a reserved range; `other` for the cluster's own.
  package let network: Network
  package let prefix: Prefix
  /// The address as it was written; another than the prefix's if bits were set beyond its length.
  package let written: IPAddress
  /// Where the range came from, in words that fit after "from": `--pod-range`, `the default`.
  package let source: String

  package init(
    _ role: Role, _ prefix: Prefix, from source: String, network: Network = .other, written: IPAddress? = nil
  ) {
    self.role = role
    self.network = network
    self.prefix = prefix
    self.written = written ?? prefix.address
    self.source = source
  }

  /// Reads a range, naming the source in the error if the text is none; bits beyond the prefix length are an error too.
  package init(_ role: Role, parsing text: String, from source: String) throws(RangePlanError) {
    do {
      self.init(role, try Prefix(parsing: text), from: source)
    } catch {
      throw RangePlanError(problems: ["\(role.rawValue) range from \(source): \(error)"])
    }
  }

  package var family: IPFamily { prefix.family }

  /// What a sentence calls it: `pod range`, `VPN`.
  package var kind: String {
    guard role == .reserved else { return "\(role.rawValue) range" }
    return switch network {
    case .office: "office network"
    case .vpn: "VPN"
    case .vpc: "VPC"
    case .docker: "Docker network"
    case .dockerPool: "Docker address pool"
    case .virtual: "virtual network"
    case .link: "attached network"
    case .route: "routed network"
    case .cni: "cluster network"
    case .resolver: "name server"
    case .other: "reserved range"
    }
  }

  /// `pod range 10.244.0.0/16 (from the default)`.
  package var description: String { "\(kind) \(prefix) (from \(source))" }
}

/// Ranges that cannot make a cluster: every problem that was found, each one sentence with the remedy.
package struct RangePlanError: Error, Hashable, CustomStringConvertible {
  package let problems: [String]

  package init(problems: [String]) { self.problems = problems }

  package var description: String { problems.joined(separator: "\n") }
}
