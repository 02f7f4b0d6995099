internal import Addressing
internal import ClusterModel
internal import Synchronization

/// Which addresses the pods of a namespace have, for `PodRecords.verified`.
final class PodIndex: Sendable {
  private struct State {
    var addresses: [NamespacedName: [IPAddress]] = [:]
    /// The namespaces of the pods that have an address; one that several pods have is there as often.
    var namespaces: [IPAddress: [String]] = [:]
  }

  private let state = Mutex(State())

  /// Replaces a pod's addresses; returns whether it has any now, and whether it had.
  func set(_ id: NamespacedName, _ addresses: [IPAddress]) -> (has: Bool, had: Bool) {
    state.withLock { state in
      let old = state.addresses[id] ?? []
      if old != addresses {
        for address in old {
          if let index = state.namespaces[address]?.firstIndex(of: id.namespace) {
            state.namespaces[address]?.remove(at: index)
          }
          if state.namespaces[address]?.isEmpty == true { state.namespaces[address] = nil }
        }
        for address in addresses { state.namespaces[address, default: []].append(id.namespace) }
        state.addresses[id] = addresses.isEmpty ? nil : addresses
      }
      return (!addresses.isEmpty, !old.isEmpty)
    }
  }

  var pods: [(id: NamespacedName, addresses: [IPAddress])] {
    state.withLock { $0.addresses.map { ($0.key, $0.value) } }
  }

  /// Whether a pod of a namespace, given by its lower-case label, has an address.
  func contains(_ namespace: UnsafeBufferPointer<UInt8>, _ address: IPAddress) -> Bool {
    state.withLock { state in
      guard let namespaces = state.namespaces[address] else { return false }
      for name in namespaces where name.utf8.elementsEqual(namespace) { return true }
      return false
    }
  }
}
