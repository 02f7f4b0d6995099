internal import JSON
internal import Linux
internal import NodeRouting

extension AgentConfiguration {
  /// `--routing`, and what flannel's configuration says where it does not.
  mutating func readRouting(_ options: CommandLineOptions) throws(UsageError) {
    subnetEnvironmentFile = options["subnet-env"]
    bgpConfigurationFile = options["bgp-config"]
    if let text = options["bgp-as"] {
      guard let number = ASNumber(text) else {
        throw UsageError(
          "option --bgp-as: found \"\(text)\", expected the number of an autonomous system that is not reserved")
      }
      bgpAS = number
    }
    if let path = options["net-conf"] {
      let flannel: FlannelConfiguration
      do {
        flannel = try FlannelConfiguration(try JSON(parsing: try Files.read(path)))
      } catch {
        throw UsageError("option --net-conf: \(path): \(error)")
      }
      routing = flannel.mode
      kernelRouting.vxlanID = flannel.vxlanID
      kernelRouting.vxlanPort = flannel.vxlanPort
      kernelRouting.underlayMTU = flannel.underlayMTU
      routingNotices = flannel.notices.map { "\(path): \($0)" }
      if podRanges.isEmpty { podRanges = flannel.networks }
      if podRanges.sorted() != flannel.networks.sorted() {
        throw UsageError(
          "option --pod-range differs from Network and IPv6Network of \(path): "
            + flannel.networks.map(\.description).joined(separator: ", "))
      }
      subnetEnvironmentFile = subnetEnvironmentFile ?? FlannelEnvironment.defaultPath
    }
    guard let text = options["routing"] else { return }
    guard let mode = RoutingMode(rawValue: text) else {
      throw UsageError(
        "option --routing: there is no mode \(text); known are "
          + RoutingMode.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if options["net-conf"] != nil, mode.flannelType != routing.flannelType {
      throw UsageError(
        "option --routing: found \(text), but Backend.Type of --net-conf is \(routing.flannelType); flannel's nodes would "
          + "no longer reach this one")
    }
    routing = mode
  }
}
