package import Addressing
internal import CLinux

/// A rule of the routing policy database: which packets look into which table.
package struct RoutingRule: Hashable, Sendable {
  package var family: IPFamily
  /// Lower is asked first.
  package var priority: UInt32
  package var source: Prefix?
  package var destination: Prefix?
  /// The packet's mark, under `mask`, equals this.
  package var mark: UInt32?
  package var mask: UInt32
  package var inputInterface: String?
  /// It matches what the selectors do not.
  package var isInverted: Bool
  /// nil for rules that do not look into a table.
  package var table: UInt32?
  /// Who made it; 87 is Swiftlet.
  package var protocolNumber: UInt8

  package init(
    _ family: IPFamily, priority: UInt32, source: Prefix? = nil, destination: Prefix? = nil, mark: UInt32? = nil,
    mask: UInt32 = .max, inputInterface: String? = nil, isInverted: Bool = false, table: UInt32,
    protocolNumber: UInt8 = Route.ownProtocol
  ) {
    self.family = family
    self.priority = priority
    self.source = source
    self.destination = destination
    self.mark = mark
    self.mask = mask
    self.inputInterface = inputInterface
    self.isInverted = isInverted
    self.table = table
    self.protocolNumber = protocolNumber
  }

  init?(_ message: NetlinkMessage) {
    guard let header = message.header(fib_rule_hdr.self) else { return nil }
    switch CInt(header.family) {
    case AF_INET: family = .v4
    case AF_INET6: family = .v6
    default: return nil
    }
    priority = 0
    mask = .max
    protocolNumber = 0
    isInverted = header.flags & UInt32(FIB_RULE_INVERT) != 0
    if Int(header.action) == Int(FR_ACT_TO_TBL) { table = UInt32(header.table) }
    for attribute in message.attributes(after: MemoryLayout<fib_rule_hdr>.size) {
      switch attribute.type {
      case Int(FRA_PRIORITY): priority = attribute.number() ?? 0
      case Int(FRA_TABLE): if table != nil { table = attribute.number() ?? table }
      case Int(FRA_SRC): source = prefix(attribute.address, header.src_len)
      case Int(FRA_DST): destination = prefix(attribute.address, header.dst_len)
      case Int(FRA_FWMARK): mark = attribute.number()
      case Int(FRA_FWMASK): mask = attribute.number() ?? mask
      case Int(FRA_IIFNAME): inputInterface = attribute.string
      case Int(FRA_PROTOCOL): protocolNumber = attribute.number() ?? 0
      default: break
      }
    }
  }

  func write(to writer: inout NetlinkWriter) {
    var header = fib_rule_hdr()
    header.family = addressFamily(family)
    header.src_len = UInt8(source?.length ?? 0)
    header.dst_len = UInt8(destination?.length ?? 0)
    if let table {
      header.action = UInt8(FR_ACT_TO_TBL)
      header.table = table < 256 ? UInt8(table) : UInt8(RT_TABLE_COMPAT.rawValue)
    }
    if isInverted { header.flags = UInt32(FIB_RULE_INVERT) }
    writer.append(structure: header)
    writer.attribute(Int(FRA_PRIORITY), priority)
    if let table { writer.attribute(Int(FRA_TABLE), table) }
    if let source { writer.attribute(Int(FRA_SRC), source.address) }
    if let destination { writer.attribute(Int(FRA_DST), destination.address) }
    if let mark {
      writer.attribute(Int(FRA_FWMARK), mark)
      writer.attribute(Int(FRA_FWMASK), mask)
    }
    if let inputInterface { writer.attribute(Int(FRA_IIFNAME), inputInterface) }
    if protocolNumber != 0 { writer.attribute(Int(FRA_PROTOCOL), protocolNumber) }
  }
}

private func prefix(_ address: IPAddress?, _ length: UInt8) -> Prefix? {
  guard let address, Int(length) <= address.family.bits else { return nil }
  return Prefix(address, length: Int(length))
}

extension RouteSocket {
  /// The rules of a family in the order they are asked.
  package func rules(family: IPFamily) throws -> [RoutingRule] {
    try socket.dump("list rules", type: UInt16(RTM_GETRULE)) { writer in
      var header = fib_rule_hdr()
      header.family = addressFamily(family)
      writer.append(structure: header)
    }
    .compactMap(RoutingRule.init)
  }
}

extension RouteRequest {
  /// Makes a rule. EEXIST if the same one is there.
  package static func addRule(_ rule: RoutingRule) -> RouteRequest {
    RouteRequest(RTM_NEWRULE, flags: ExistingEntry.isAnError.flags, "add rule of priority \(rule.priority)") {
      rule.write(to: &$0)
    }
  }

  package static func deleteRule(_ rule: RoutingRule) -> RouteRequest {
    RouteRequest(RTM_DELRULE, "delete rule of priority \(rule.priority)") { rule.write(to: &$0) }
  }
}
