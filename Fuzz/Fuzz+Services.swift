import Addressing

@testable import Netlink
@testable import ServiceProxy

/// What the kernel and iptables list of Services.
let serviceParsers: [String: Parser] = [
  // Elements of table swiftlet-services, which anyone may have written, and their counters.
  "services": { bytes in
    for message in NetlinkMessage.split(bytes) {
      _ = NFElement.countedElements(in: message)
      for element in NFElement.elements(in: message) {
        for family in IPFamily.allCases {
          for isNodePort in [false, true] {
            _ = ServicesLayout.frontend(element.key, family, nodePort: isNodePort)
            _ = ServicesLayout.remembered(element, family, nodePort: isNodePort)
          }
          for kind in [ServicesLayout.SetKind.slots, .nodePortSlots] {
            var held = HeldSlots(.init(kind, family))
            held.take(element)
          }
        }
      }
    }
  },
  // Virtual services and destinations.
  "ipvs": { bytes in
    for message in NetlinkMessage.split(bytes) {
      if let service = message.genericAttributes[IPVSCode.service].flatMap({ IPVSService($0.nested) }) {
        // What was read is written again when it is changed.
        var writer = NetlinkWriter()
        service.write(to: &writer)
      }
      for family in IPFamily.allCases {
        if let destination = message.genericAttributes[IPVSCode.destination].flatMap({
          IPVSDestination($0.nested, family: family)
        }) {
          var writer = NetlinkWriter()
          destination.write(to: &writer)
        }
      }
    }
  },
  // Texts: iptables-save, and /proc/net/ip_vs_conn.
  "iptables-save": { bytes in
    _ = IPVSConnections.remembered(String(decoding: bytes, as: UTF8.self))
    let found = IPTablesContents.tables(in: bytes)
    for family in IPFamily.allCases {
      _ = IPTablesCounts(bytes, family)
      let wanted = IPTablesWanted(IPTablesLayout(family, ServiceProxyConfiguration(nodeName: "n")))
      for table in IPTablesTable.allCases {
        _ = wanted.difference(table, found[table] ?? IPTablesContents()).text(table)
        for rules in (found[table]?.chains ?? [:]).values { _ = rules.filter { IPTablesCleanup.leads($0) } }
      }
    }
  },
]
