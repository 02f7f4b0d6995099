internal import Addressing
internal import Netlink

extension NFTablesBackend {
  /// Forgets clients whose endpoint a frontend no longer has, so that their next connection loses no packet.
  func forgetClients(of keys: Set<FrontendKey>, _ state: ServiceState) throws {
    for family in IPFamily.allCases {
      for isNodePort in [false, true] {
        let meant = keys.filter { $0.address.family == family && $0.isNodePort == isNodePort }
        if !meant.isEmpty { try forgetClients(family, nodePort: isNodePort, of: meant, state) }
      }
    }
  }

  /// The same for all frontends, after a start or a repair.
  func forgetStrayClients(_ state: ServiceState) throws {
    for family in IPFamily.allCases {
      for isNodePort in [false, true] { try forgetClients(family, nodePort: isNodePort, of: nil, state) }
    }
  }

  private func forgetClients(
    _ family: IPFamily, nodePort: Bool, of meant: Set<FrontendKey>?, _ state: ServiceState
  ) throws {
    let set = ServicesLayout.affinitySet(family, nodePort: nodePort)
    for element in try socket.elements(of: set, in: ServicesLayout.table) {
      guard let (key, target) = ServicesLayout.remembered(element, family, nodePort: nodePort),
        meant?.contains(key) != false
      else { continue }
      if let frontend = state.frontends[key], frontend.affinityTimeout != nil, frontend.targets.contains(target) {
        continue
      }
      // One element a transaction: one that has expired meanwhile is refused, and with it all of its transaction.
      var batch = NFTablesBatch()
      batch.delete([NFElement(element.key)], from: set, of: ServicesLayout.table)
      try? socket.commit(batch)
    }
  }
}
