package import Addressing
internal import Glibc
package import Linux
package import Netlink

/// Brings what pods and the node send to the cluster DNS addresses to this node's own name server, without leaving the
/// node and without connection tracking: a local route an address, and table `inet swiftlet-dns`. Deleting that table is
/// the failover to the Service: translation takes over at once, the local route does not disturb. Not for use by two
/// threads at once.
package final class DNSInterception {
  package static let table = NFTable(.inet, "swiftlet-dns", comment: "node-local DNS, by swiftlet; do not edit")

  private let addresses: [IPAddress]
  private let routes: RouteSocket
  private let tables: NFTablesSocket

  /// `namespace` nil is the caller's own.
  package init(_ addresses: [IPAddress], namespace: NetworkNamespace? = nil) throws {
    self.addresses = addresses
    routes = try RouteSocket(namespace: namespace)
    tables = try NFTablesSocket(namespace: namespace)
  }

  /// The port id of our nf_tables socket, under which the kernel announces our own changes.
  package var port: UInt32 { tables.port }

  /// The table these addresses need.
  package static func definition(_ addresses: [IPAddress]) -> NFTableDefinition {
    func rule(_ address: NFField, _ port: NFField, _ value: IPAddress) -> NFRule {
      NFRule([
        .match(address, in: Prefix(host: value)), .match(.l4Protocol, anyOf: [6, 17]), .match(port, 53), .notrack,
      ])
    }
    let toServer = addresses.map { rule(.destination($0.family), .destinationPort, $0) }
    let fromServer = addresses.map { rule(.source($0.family), .sourcePort, $0) }
    return NFTableDefinition(
      table,
      chains: [
        .init(NFChain("prerouting", .init(.filter, .prerouting, priority: NFPriority.raw)), toServer),
        .init(NFChain("output", .init(.filter, .output, priority: NFPriority.raw)), toServer + fromServer),
      ])
  }

  /// Makes routes and table be as they should; nothing is written if they are. Returns whether anything was.
  @discardableResult
  package func ensure() throws -> Bool {
    guard let loopback = try routes.link(.name("lo"))?.index else { throw SystemError("find link lo", code: ENODEV) }
    let wanted = addresses.map {
      Route(Prefix(host: $0), kind: .local, interface: loopback, table: Route.localTable)
    }
    let present = try routes.routes(table: Route.localTable, protocolNumber: Route.ownProtocol)
    func isWanted(_ route: Route) -> Bool { wanted.contains { $0.destination == route.destination } }
    func isPresent(_ route: Route) -> Bool { present.contains { $0.destination == route.destination } }
    var requests = present.filter { !isWanted($0) }.map { RouteRequest.deleteRoute($0).accepting(ESRCH) }
    requests += wanted.filter { !isPresent($0) }.map { .addRoute($0) }
    try routes.perform(requests)

    let definition = Self.definition(addresses)
    guard try tables.signature(of: Self.table) != definition.signature else { return !requests.isEmpty }
    var batch = NFTablesBatch()
    batch.ensureAbsent(Self.table)
    batch.add(definition)
    try tables.commit(batch)
    return true
  }

  /// Hands the addresses back to the Service.
  package func remove() throws {
    var batch = NFTablesBatch()
    batch.ensureAbsent(Self.table)
    try tables.commit(batch)
    let present = try routes.routes(table: Route.localTable, protocolNumber: Route.ownProtocol)
    try routes.perform(present.map { .deleteRoute($0).accepting(ESRCH) })
  }
}
