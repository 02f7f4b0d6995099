internal import NodeRouting

extension RoutingPlane {
  /// Every way of carrying pods there is; the kernel's own comes last.
  static func backends(_ settings: AgentConfiguration, _ bgp: BGPBackend) throws -> [any RoutingBackend] {
    var wireguard = WireGuardRouting.Configuration(keyFile: settings.stateDirectory + "/wireguard.key")
    wireguard.port = settings.wireguardPort
    wireguard.rotationInterval = settings.wireguardRotation
    wireguard.underlayMTU = settings.kernelRouting.underlayMTU
    return [bgp, try WireGuardRouting(wireguard), try KernelRouting(settings.kernelRouting)]
  }
}
