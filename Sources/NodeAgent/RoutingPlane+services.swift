internal import ClusterModel
internal import NodeRouting

/// With `--routing bgp`, addresses of Services are announced to routers outside.
extension RoutingPlane {
  /// Takes all Services; BIRD is told with the next pass.
  func readServices(_ model: SharedModel) {
    guard settings.routing == .bgp else { return }
    announced = model.read { state in
      let labels = state.nodes[settings.nodeName]?.labels ?? [:]
      var found: [NamespacedName: BGPServiceAddresses] = [:]
      for id in state.services.keys {
        guard let service = state.serviceWithEndpoints(id) else { continue }
        let addresses = BGPServiceAddresses(of: [service], node: settings.nodeName, labels: labels)
        if !addresses.isEmpty { found[id] = addresses }
      }
      return found
    }
    bgp.announce(all)
  }

  /// Takes changed Services, and tells BIRD if that changes an announcement. A change of this node's labels may change
  /// all of them.
  func applyServices(_ keys: [ChangeKey], _ model: SharedModel) throws {
    guard settings.routing == .bgp else { return }
    let before = announced
    if keys.contains(.node(settings.nodeName)) {
      readServices(model)
    } else {
      let changed: [(NamespacedName, BGPServiceAddresses)] = model.read { state in
        let labels = state.nodes[settings.nodeName]?.labels ?? [:]
        return keys.compactMap { key in
          guard case .service(let id) = key else { return nil }
          let services = state.serviceWithEndpoints(id).map { [$0] } ?? []
          return (id, BGPServiceAddresses(of: services, node: settings.nodeName, labels: labels))
        }
      }
      for (id, addresses) in changed { announced[id] = addresses.isEmpty ? nil : addresses }
    }
    if announced != before { report(try bgp.update(all), "changes of announced Services") }
  }

  private var all: BGPServiceAddresses { BGPServiceAddresses(merging: announced.values) }
}

extension AgentConfiguration {
  /// What the BGP backend is told.
  var bgp: BGPBackend.Settings {
    var settings = BGPBackend.Settings(
      directory: stateDirectory + "/bird", configurationFile: bgpConfigurationFile, podRanges: podRanges,
      serviceRanges: serviceRanges)
    settings.asNumber = bgpAS
    return settings
  }
}
