internal import Addressing
internal import ClusterDNS
internal import ClusterModel
internal import JSON
package import Kubernetes
package import Linux

/// Cluster DNS without an agent: `swiftlet dns`, as a Deployment on a cluster that keeps its network.
package final class StandaloneDNS: Sendable {
  private let model: SharedModel
  private let feed: ModelFeed
  private let runner: PlaneRunner
  private let service: DNSService
  private let plane: DNSPlane
  private let statusServer: AgentStatusServer?

  package static let options: [CommandLineOptions.Option] =
    [
      .init("kubeconfig", "FILE", "how to reach the API server (in a pod: its own account)"),
      .init("listen", "ADDRESS", "where to answer, with or without :PORT; may be repeated (all addresses, or bind's)"),
      .init("cluster-dns", "ADDRESS", "where pods ask, for the name ns.dns; once a family (those of --listen)"),
      .init("cluster-domain", "DOMAIN", "the zone of Services (the Corefile's, or cluster.local)"),
      .init("upstream-dns", "ADDRESS", "resolver for other names; may be repeated (those of /etc/resolv.conf)"),
      .init("cluster-range", "PREFIX", "pods or Services, whose reverse names are never asked upstream"),
      .init("state-dir", "DIR", "for `swiftlet dns query` (/run/swiftlet)"),
    ] + DNSOptions.options

  package init(_ options: CommandLineOptions, client: APIClient, version: String) throws {
    let dns = try DNSOptions(options)
    let corefile = try dns.corefile.map { try DNSService.read(Files.read($0)) }
    var addresses: [AddressAndPort] = []
    let port = corefile?.ports.contains(53) == false ? corefile?.ports.min() ?? 53 : 53
    for text in options.all("listen") {
      guard let address = CorefileAddress.parse(text, port: port) else {
        throw UsageError("option --listen: found \"\(text)\", expected an address with or without :PORT")
      }
      addresses.append(address)
    }
    if addresses.isEmpty {
      let bound = corefile?.addresses ?? []
      let all = bound.isEmpty ? [IPAddress("0.0.0.0")!, IPAddress("::")!] : bound
      let ports = corefile?.ports ?? [53]
      addresses = ports.sorted().flatMap { port in all.map { AddressAndPort($0, port) } }
    }
    var configuration = DNSServer.Configuration(listen: addresses)
    dns.apply(to: &configuration)
    configuration.clusterDomain = options["cluster-domain"] ?? corefile?.clusterDomain ?? "cluster.local"
    for text in options.all("cluster-dns") {
      do {
        configuration.nameServerAddresses = (configuration.nameServerAddresses ?? []) + [try IPAddress(parsing: text)]
      } catch { throw UsageError("option --cluster-dns: \(error)") }
    }
    for text in options.all("cluster-range") {
      do { configuration.reverseRanges.append(try Prefix(parsing: text)) } catch {
        throw UsageError("option --cluster-range: \(error)")
      }
    }
    var upstreams: [IPAddress] = []
    for text in options.all("upstream-dns") {
      do { upstreams.append(try IPAddress(parsing: text)) } catch {
        throw UsageError("option --upstream-dns: \(error)")
      }
    }
    if upstreams.isEmpty, let text = try? Files.readText("/etc/resolv.conf") {
      upstreams = ResolverFile(text).nameServers.filter { address in !addresses.contains { $0.address == address } }
    }
    configuration.upstreams = upstreams.map { AddressAndPort($0, 53) }
    var settings = DNSService.Settings()
    settings.version = version
    settings.corefile = dns.corefile
    settings.reverseRanges = configuration.reverseRanges
    if let corefile {
      settings.health = corefile.health.map { Self.everywhere($0) } ?? []
      settings.ready = corefile.ready.map { Self.everywhere($0) } ?? []
      settings.metrics = corefile.metrics.map { Self.everywhere($0) } ?? []
      settings.lameduck = corefile.lameduck
      settings.reloadInterval = corefile.reloadInterval ?? 0
    } else {
      settings.health = Self.everywhere(AddressAndPort(IPAddress("::")!, 8080))
      settings.ready = Self.everywhere(AddressAndPort(IPAddress("::")!, 8181))
      settings.metrics = Self.everywhere(AddressAndPort(IPAddress("::")!, 9153))
    }
    let service = try DNSService(configuration, settings)
    self.service = service
    // Pods are a great many: they are watched only where their names are verified.
    let needsPods = (corefile?.blocks.map(\.podRecords) ?? [dns.podRecords]).contains(.verified)
    var kinds: Set<ModelKind> = [.service, .endpointSlice, .namespace]
    if needsPods { kinds.insert(.pod) }
    let model = SharedModel(kinds: kinds)
    self.model = model
    feed = ModelFeed(client, kinds: kinds, into: model)
    let plane = DNSPlane(service)
    self.plane = plane
    runner = PlaneRunner(plane, model: model)
    let directory = options["state-dir"] ?? "/run/swiftlet"
    statusServer = try? AgentStatusServer(
      path: "\(directory)/\(AgentStatusClient.socketName)",
      status: { [plane] in plane.status },
      answer: { [plane, model] request in
        let words = request.split(separator: " ").map(String.init)
        return words.first == "dns-query" ? DNSQuestion.answer(Array(words.dropFirst()), plane, model) : nil
      })
  }

  /// Both families' addresses where none is meant.
  private static func everywhere(_ address: AddressAndPort) -> [AddressAndPort] {
    address.address == IPAddress("::")! ? [AddressAndPort(IPAddress("0.0.0.0")!, address.port), address] : [address]
  }

  package func start() throws {
    try service.start()
    statusServer?.start()
    runner.start()
    feed.start()
  }

  package func stop() {
    feed.stop()
    runner.stop()
    statusServer?.stop()
  }
}
