internal import NodeRouting

extension RoutingPlane {
  /// Every way of carrying pods there is; the kernel's own comes last.
  static func backends(_ settings: AgentConfiguration) throws -> [any RoutingBackend] {
    [try KernelRouting(settings.kernelRouting)]
  }
}
