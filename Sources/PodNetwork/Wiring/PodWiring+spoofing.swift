internal import Addressing
internal import Glibc
internal import Netlink

// What keeps pods from sending under foreign addresses: a few set elements a pod, in tables whose rules never change.
extension PodWiring {
  /// Enters what a pod may send. A table that is missing is made, with what the pods that are there may send.
  func protect(_ port: SpoofingTable.Port) throws {
    let table = SpoofingTable(isBridged: configuration.wiring.isBridged)
    let socket = try NFTablesSocket(namespace: node)
    var attempts = 16
    do {
      while true {
        do {
          try socket.commit(batch(table, [port]))
          return
        } catch let error as NFTablesError where error.code == ENOENT && attempts > 0 {
          attempts -= 1
          try make(table, with: port, socket)
        }
      }
    } catch let error as NFTablesError
      where [ENOENT, EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT].contains(error.code)
    {
      throw CNIError(
        .wiring,
        "the kernel lacks what of nf_tables family \(table.table.family.name) keeps pods from forging addresses: \(error); "
          + "set \"preventSpoofing\": false to do without")
    }
  }

  /// Removes what pods may send; their links are down or gone. What is not there is added and deleted in one: the kernel
  /// waits a grace period, some milliseconds, whenever it has to undo a refused transaction.
  ///
  /// Returns the socket, whose closing waits for the kernel to have let go of the entries; nil if there are no tables.
  func unprotect(_ ports: [SpoofingTable.Port]) throws -> NFTablesSocket? {
    // Where tables cannot be listed there are none.
    guard let socket = try? NFTablesSocket(namespace: node), let present = try? socket.tables() else { return nil }
    var batch = NFTablesBatch()
    for table in SpoofingTable.all where present.contains(where: { $0.isSame(as: table.table) }) {
      for port in ports {
        for (set, elements) in table.elements(port) {
          batch.add(elements, to: set, of: table.table)
          batch.delete(elements, from: set, of: table.table)
        }
      }
    }
    // ENOENT: a set is missing, so this is another version's table, which the next ADD replaces.
    do { try socket.commit(batch) } catch let error as NFTablesError where error.code == ENOENT { return socket }
    return socket
  }

  private func batch(_ table: SpoofingTable, _ ports: [SpoofingTable.Port]) -> NFTablesBatch {
    var batch = NFTablesBatch()
    for port in ports {
      for (set, elements) in table.elements(port) { batch.add(elements, to: set, of: table.table) }
    }
    return batch
  }

  /// Makes a table anew with what the node's pods may send. Does nothing if somebody else changed any table meanwhile:
  /// perhaps it was this one.
  private func make(_ table: SpoofingTable, with port: SpoofingTable.Port?, _ socket: NFTablesSocket) throws {
    let generation = try socket.generation()
    if try socket.signature(of: table.table) == table.definition.signature { return }
    var batch = NFTablesBatch()
    batch.ensureAbsent(table.table)
    batch.add(table.definition)
    for port in try connectedPorts(table) + (port.map { [$0] } ?? []) {
      for (set, elements) in table.elements(port) { batch.add(elements, to: set, of: table.table) }
    }
    do { try socket.commit(batch, generation: generation) } catch let error as NFTablesError
      where error.code == ERESTART
    {
      return
    }
  }

  /// The pods that are connected, with what they may send, as links, leases and neighbours say.
  private func connectedPorts(_ table: SpoofingTable) throws -> [SpoofingTable.Port] {
    let leases = LeaseStore(dataDirectory: configuration.dataDirectory, network: configuration.name)
    var addresses: [Attachment: [IPAddress]] = [:]
    for lease in (try? leases.leases()) ?? [] { addresses[lease.holder, default: []].append(lease.address) }
    var macs: [IPAddress: MACAddress] = [:]
    for neighbour in try host.neighbours() where neighbour.state == Neighbour.permanent {
      macs[neighbour.address] = neighbour.mac
    }
    let master = table.isBridged ? try bridge.link()?.index : nil
    return try host.links(kind: "veth").compactMap { link in
      guard link.master == master, let attachment = link.alias.flatMap(PodLink.attachment),
        let held = addresses[attachment]
      else { return nil }
      let known = held.compactMap { macs[$0] }
      return SpoofingTable.Port(
        port: link.name, attachment: attachment,
        macs: Set(known.isEmpty ? held.map { PodLink.mac(for: $0) } : known).sorted(), addresses: held)
    }
  }

  /// Makes the table what it should be after somebody else changed it: rules, missing and left-over elements. Returns
  /// whether anything was written.
  func repairSpoofingTable() throws -> Bool {
    guard configuration.preventsSpoofing else { return false }
    let socket = try NFTablesSocket(namespace: node)
    let table = SpoofingTable(isBridged: configuration.wiring.isBridged)
    let ports = try connectedPorts(table)
    guard !ports.isEmpty else { return false }
    let generation = try socket.generation()
    guard try socket.signature(of: table.table) == table.definition.signature else {
      try make(table, with: nil, socket)
      return true
    }
    var wanted: [String: [NFElement]] = [:]
    for port in ports { for (set, elements) in table.elements(port) { wanted[set, default: []] += elements } }
    var batch = NFTablesBatch()
    for set in table.definition.sets.map(\.name) {
      let held = Set(try socket.elements(of: set, in: table.table).map(\.key))
      let missing = wanted[set, default: []].filter { element in !held.contains(element.key) }
      batch.add(missing, to: set, of: table.table)
    }
    if batch.isEmpty { return false }
    do { try socket.commit(batch, generation: generation) } catch let error as NFTablesError
      where error.code == ERESTART
    {
      return false  // somebody is at work; the next look sees the end of it
    }
    return true
  }

  /// Removes elements of links that are gone, whoever left them.
  func forgetLostPorts() throws {
    guard let socket = try? NFTablesSocket(namespace: node), let present = try? socket.tables() else { return }
    let names = Set(try host.links(kind: "veth").map { NFValue.name($0.name).bytes(as: .interfaceName) })
    var batch = NFTablesBatch()
    for table in SpoofingTable.all where present.contains(where: { $0.isSame(as: table.table) }) {
      for set in table.definition.sets.map(\.name) {
        let elements = try socket.elements(of: set, in: table.table)
        batch.delete(
          elements.filter { element in !names.contains(Array(element.key.prefix(16))) }, from: set, of: table.table)
      }
    }
    do { try socket.commit(batch) } catch let error as NFTablesError where error.code == ENOENT { return }
  }

  /// What of a pod's entries is missing; for CHECK.
  func spoofingDifferences(_ port: SpoofingTable.Port) throws -> [String] {
    guard configuration.preventsSpoofing else { return [] }
    let socket = try NFTablesSocket(namespace: node)
    let table = SpoofingTable(isBridged: configuration.wiring.isBridged)
    guard try socket.signature(of: table.table) == table.definition.signature else {
      return ["table \(table.table), which keeps pods from forging addresses, is missing or was changed"]
    }
    return try table.elements(port).flatMap { set, elements in
      let held = Set(try socket.elements(of: set, in: table.table).map(\.key))
      let missing = elements.contains { element in !held.contains(element.key) }
      return missing ? ["set \(set) of table \(table.table) lacks an entry of \(port.port)"] : []
    }
  }
}

extension NFTable {
  /// Comments and flags aside.
  fileprivate func isSame(as other: NFTable) -> Bool { family == other.family && name == other.name }
}
