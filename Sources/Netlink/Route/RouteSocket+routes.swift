package import Addressing
internal import CLinux

extension RouteSocket {
  /// Routes with one next hop, of both families or one; `table` nil is all tables, `protocolNumber` nil all protocols.
  package func routes(
    family: IPFamily? = nil, table: UInt32? = Route.mainTable, protocolNumber: UInt8? = nil, interface: Int32? = nil
  ) throws -> [Route] {
    var found: [Route] = []
    for family in family.map({ [$0] }) ?? IPFamily.allCases {
      do {
        found += try socket.dump("list routes", type: UInt16(RTM_GETROUTE)) { writer in
          var header = rtmsg()
          header.rtm_family = addressFamily(family)
          header.rtm_protocol = protocolNumber ?? 0
          writer.append(structure: header)
          if let table { writer.attribute(RTA_TABLE, table) }
          if let interface { writer.attribute(RTA_OIF, interface) }
        }
        .compactMap(Route.init)
        .filter { route in
          (table == nil || route.table == table) && (interface == nil || route.interface == interface)
            && (protocolNumber == nil || route.protocolNumber == protocolNumber)
        }
      } catch let error as NetlinkError where error.code == ENOENT || error.code == EAFNOSUPPORT {
        continue  // a table nobody has used yet, or a kernel without the family
      }
    }
    return found
  }
}

extension RouteRequest {
  /// Makes a route. Two are the same, for the kernel, with the same destination, table and metric.
  package static func addRoute(_ route: Route, existing: ExistingEntry = .isReplaced) -> RouteRequest {
    RouteRequest(RTM_NEWROUTE, flags: existing.flags, "add route \(route)") { route.write(to: &$0) }
  }

  /// Deletes the route that is like this one in all that is given.
  package static func deleteRoute(_ route: Route) -> RouteRequest {
    RouteRequest(RTM_DELROUTE, "delete route \(route)") { route.write(to: &$0) }
  }
}
