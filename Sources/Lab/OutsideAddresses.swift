package import Addressing
package import Diagnosis

/// The world beyond the nodes' gateway, in address space for documentation, so that nothing real can be meant: TEST-NET-3
/// (RFC 5737) and a part of 2001:db8::/32 (RFC 3849).
package enum OutsideAddresses {
  /// What the lab's own ranges must stay clear of.
  package static let ranges = ["203.0.113.0/24", "2001:db8:203:113::/64"].map {
    PlannedRange(.reserved, Prefix($0)!, from: "the lab's outside world")
  }

  /// The resolver of the outside world, upstream of cluster DNS.
  package static func resolver(_ family: IPFamily) -> IPAddress {
    family == .v4 ? IPAddress("203.0.113.53")! : IPAddress("2001:db8:203:113::53")!
  }

  /// A web server in the outside world.
  package static func server(_ family: IPFamily) -> IPAddress {
    family == .v4 ? IPAddress("203.0.113.80")! : IPAddress("2001:db8:203:113::80")!
  }

  /// The name of the web server.
  package static let serverName = "www.outside.example"

  /// Names the outside resolver knows.
  package static func names(_ families: [IPFamily]) -> [String: [IPAddress]] {
    [serverName: families.map(server), "ns.outside.example": families.map(resolver)]
  }
}
