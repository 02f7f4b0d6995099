internal import Addressing
internal import ClusterDNS
internal import Linux
internal import StandIn

/// `swiftlet lab outside`: the world beyond the nodes' gateway. A resolver that knows a few names, which is upstream of
/// cluster DNS, and a web server that tells who asked. It runs in the fabric.
enum OutsideWorld {
  static func run() throws -> Int32 {
    let resolver = AddressAndPort(LabConfiguration.outsideResolver, 53)
    var configuration = DNSServer.Configuration(listen: [resolver])
    configuration.clusterDomain = nil
    let server = try DNSServer(configuration)
    var hosts: [String: [IPAddress]] = [:]
    for (name, address) in LabConfiguration.outsideNames { hosts[name, default: []].append(address) }
    try server.serveStatic(hosts)
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
