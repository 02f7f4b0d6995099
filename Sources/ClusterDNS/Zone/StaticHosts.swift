internal import Addressing
internal import Synchronization

/// Names with fixed addresses, answered before anything else.
final class StaticHosts: Sendable {
  private struct State {
    var hosts: [DomainName: [IPAddress]] = [:]
    /// Names that exist because a host is below them (RFC 8020).
    var parents: Set<DomainName> = []
    var pointers: [IPAddress: DomainName] = [:]
  }

  enum Finding {
    case addresses([IPAddress])
    case pointer(DomainName)
    /// The name exists without records.
    case empty
  }

  private let state = Mutex(State())
  /// There is nothing to find, which readers see without the lock.
  private let isEmpty = Atomic(true)

  func replace(_ hosts: [DomainName: [IPAddress]]) {
    var new = State(hosts: hosts)
    // Of two names for one address the first one in the alphabet is the answer to a reverse lookup.
    for (name, addresses) in hosts.sorted(by: { $0.key.description < $1.key.description }) {
      for address in addresses where new.pointers[address] == nil { new.pointers[address] = name }
      for label in name.labels.dropFirst() {
        new.parents.insert(DomainName(validWire: name.wire[Int(label)...]))
      }
    }
    state.withLock { $0 = new }
    isEmpty.store(hosts.isEmpty, ordering: .releasing)
  }

  func find(_ name: NameView) -> Finding? {
    if isEmpty.load(ordering: .acquiring) { return nil }
    return state.withLock { state in
      let owned = name.name
      if let addresses = state.hosts[owned] { return .addresses(addresses) }
      if let address = ReverseName.address(name), let host = state.pointers[address] { return .pointer(host) }
      return state.parents.contains(owned) ? .empty : nil
    }
  }
}
