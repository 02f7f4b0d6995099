import Addressing
import Netlink

let netlinkParsers: [String: Parser] = [
  // Whatever rtnetlink announces: links, addresses, routes, neighbours, forwarding entries, rules.
  "rtnetlink": { bytes in
    for message in NetlinkMessage.split(bytes) {
      _ = NetlinkSocket.error(in: message, "fuzz")
      switch RouteEvent(message) {
      // What was read is written again when it is deleted.
      case .address(let address): _ = RouteRequest.deleteAddress(address)
      case .route(let route): _ = (RouteRequest.deleteRoute(route), route.description)
      case .neighbour(let neighbour): _ = RouteRequest.deleteNeighbour(neighbour)
      case .forwardingEntry(let entry): _ = RouteRequest.deleteForwardingEntry(entry)
      case .rule(let rule): _ = RouteRequest.deleteRule(rule)
      default: break
      }
    }
  },
  "nftables": { bytes in
    for message in NetlinkMessage.split(bytes) {
      _ = NFTablesEvents.event(message)
      _ = NFTable(message)
      // The name that a message gives its table, so that comparing it does not end the reading.
      guard let family = NFFamily(rawValue: 1), let name = message.attributes(after: 4)[1]?.string else { continue }
      let table = NFTable(family, name)
      var signature = NFTableSignature(comment: nil, flags: 0)
      signature.readChain(message, of: table)
      signature.readRule(message, of: table)
      signature.readSet(message, of: table)
      var batch = NFTablesBatch()
      batch.add(NFElement.elements(in: message), to: "set", of: table)
    }
  },
  "conntrack": { bytes in
    for message in NetlinkMessage.split(bytes) {
      guard let flow = ConntrackFlow(message) else { continue }
      precondition(flow.identity.count <= message.payload.count + 16)
      _ = ConntrackFilter(.v4, transport: 17).matches(flow)
    }
  },
  // A WireGuard link's dump, and what the controller says of a family.
  "wireguard": { bytes in
    let messages = NetlinkMessage.split(bytes)
    for message in messages { _ = GenericFamily(message) }
    guard let device = WireGuardDevice(messages) else { return }
    // What was read is written again when it is removed.
    let peers = device.peers.map {
      WireGuardChange.Peer($0.publicKey, .remove, endpoint: $0.endpoint, allowed: $0.allowed)
    }
    for message in WireGuardChange(peers: peers).messages(to: device.interface) { precondition(message.count < 65_536) }
  },
]
