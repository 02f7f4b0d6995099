internal import Addressing
internal import ClusterDNS
internal import Linux
internal import StandIn

/// `swiftlet lab outside`: the world beyond the nodes' gateway. A resolver that knows a few names, which is upstream of
/// cluster DNS, and a web server that tells who asked. It runs in the fabric.
enum OutsideWorld {
  /// The arguments are the names of the families it speaks.
  static func run(_ arguments: [String]) throws -> Int32 {
    let families = IPFamily.allCases.filter { arguments.contains($0.name) }
    var configuration = DNSServer.Configuration(
      listen: families.map { AddressAndPort(OutsideAddresses.resolver($0), 53) })
    configuration.clusterDomain = nil
    let server = try DNSServer(configuration)
    try server.serveStatic(OutsideAddresses.names(families))
    try server.start()
    defer { server.stop() }

    var options = StandInOptions()
    options.identity.namespace = "outside"
    options.identity.pod = "outside"
    options.identity.container = "web"
    options.ports = [ListenPort(80, .tcp)]
    return try StandInServer(options).run()
  }
}
