internal import Addressing
internal import CLinux
internal import Glibc
package import Linux
internal import Netlink

/// Keeps the host ports of a node in `HostPortsLayout.table`. There is no other record: the elements tell whose they are.
package final class HostPorts {
  let socket: NFTablesSocket
  /// nil is the caller's own.
  let node: NetworkNamespace?

  package init(node: NetworkNamespace? = nil) throws(SystemError) {
    socket = try NFTablesSocket(namespace: node)
    self.node = node
  }

  /// What the table holds; empty if there is none.
  package func entries() throws -> [HostPortEntry] {
    var entries: [HostPortEntry] = []
    for family in IPFamily.allCases {
      for kind in [HostPortsLayout.SetKind.ports, .addressed] {
        guard let elements = try elements(kind, family) else { return [] }
        entries += elements.compactMap { HostPortEntry($0, kind, family) }
      }
    }
    return entries
  }

  /// nil if the table or the set is missing.
  private func elements(_ kind: HostPortsLayout.SetKind, _ family: IPFamily) throws -> [NFElement]? {
    do {
      return try socket.elements(of: HostPortsLayout.name(kind, family), in: HostPortsLayout.table)
    } catch let error as NetlinkError where error.code == ENOENT {
      return nil
    }
  }

  /// Adds entries of one owner, all or none. A port that is taken is an error that says by whom.
  package func add(_ wanted: [HostPortEntry]) throws {
    guard let owner = wanted.first?.owner else { return }
    for attempt in 1... {
      let generation = try socket.generation()
      let present = try entries()
      // A pod has its address alone: what others hold for it is left of one that had it before. What the owner itself has
      // is of an ADD that was interrupted.
      let addresses = Set(wanted.map(\.podAddress))
      let stale = present.filter { $0.owner.isSame(as: owner) || addresses.contains($0.podAddress) }
      for entry in wanted {
        guard let other = present.first(where: { $0.claims(theSameAs: entry) && !stale.contains($0) }) else { continue }
        throw CNIError(
          .hostPortTaken,
          "host port \(entry.described) is taken: \(other.described) of this node leads to \(other.owner.described); "
            + "choose another port, or delete that pod first")
      }
      if attempt == 1 { for entry in wanted { try HostPortListeners.refuse(entry, node: node) } }
      var batch = NFTablesBatch()
      let isComplete = try prepareTable(&batch)
      if isComplete { try delete(stale, sparing: [], in: &batch) }
      write(isComplete ? wanted : present.filter { !stale.contains($0) } + wanted, to: &batch)
      do {
        // What was looked at is what is changed, unless the node's rules change faster than we look: the kernel refuses a
        // key that has another value in any case.
        return try socket.commit(batch, generation: isComplete && attempt > 8 ? nil : generation)
      } catch let error as NFTablesError where attempt < 32 && Self.isRace(error) {
        continue
      }
    }
  }

  /// Removes the entries that a predicate chooses, and returns them. None, and no table, is success.
  @discardableResult
  package func remove(where isRemoved: (HostPortEntry) -> Bool) throws -> [HostPortEntry] {
    for attempt in 1... {
      let present = try entries()
      let removed = present.filter(isRemoved)
      if removed.isEmpty { return [] }
      var batch = NFTablesBatch()
      try delete(removed, sparing: present.filter { !isRemoved($0) }, in: &batch)
      do {
        try socket.commit(batch)
        return removed
      } catch let error as NFTablesError where attempt < 32 && Self.isRace(error) {
        continue
      }
    }
    return []
  }

  /// Someone else changed the table between reading and writing.
  private static func isRace(_ error: NFTablesError) -> Bool {
    [ERESTART, ENOENT, EEXIST, EBUSY].contains(error.code)
  }

  /// Adds the table to a batch if it is missing or not as it should be; false if so, and all elements must be written.
  private func prepareTable(_ batch: inout NFTablesBatch) throws -> Bool {
    if try socket.signature(of: HostPortsLayout.table) == HostPortsLayout.definition.signature { return true }
    batch.ensureAbsent(HostPortsLayout.table)
    batch.add(HostPortsLayout.definition)
    return false
  }

  private func write(_ entries: [HostPortEntry], to batch: inout NFTablesBatch) {
    var sets: [String: [NFElement]] = [:]
    for (set, element) in entries.flatMap(\.elements)
    where sets[set]?.contains(where: { $0.key == element.key }) != true {
      sets[set, default: []].append(element)
    }
    for (set, elements) in sets.sorted(by: { $0.key < $1.key }) {
      batch.add(elements, to: set, of: HostPortsLayout.table)
    }
  }

  /// Deletes the elements of entries, but for those that others share with them, and those that are gone.
  private func delete(
    _ entries: [HostPortEntry], sparing others: [HostPortEntry], in batch: inout NFTablesBatch
  ) throws {
    if entries.isEmpty { return }
    var kept: [String: Set<[UInt8]>] = [:]
    for (set, element) in others.flatMap(\.elements) { kept[set, default: []].insert(element.key) }
    var doomed: [String: Set<[UInt8]>] = [:]
    for (set, element) in entries.flatMap(\.elements) where kept[set]?.contains(element.key) != true {
      doomed[set, default: []].insert(element.key)
    }
    for family in IPFamily.allCases {
      for kind in HostPortsLayout.SetKind.allCases {
        guard let keys = doomed[HostPortsLayout.name(kind, family)] else { continue }
        let found = try (elements(kind, family) ?? []).filter { keys.contains($0.key) }
        batch.delete(
          found.map { NFElement($0.key) }, from: HostPortsLayout.name(kind, family), of: HostPortsLayout.table)
      }
    }
  }
}
