internal import Addressing

/// Everything that a reload replaces. Workers take up a new one between two questions, so that none is lost; what waits
/// for an upstream goes on by the old one.
final class ServerPlan: Sendable {
  let blocks: [ServerBlock]
  /// One block for every question, if it comes by the right port.
  private let only: ServerBlock?
  private let onlyPort: UInt16?

  init(_ blocks: [ServerBlock]) {
    self.blocks = blocks
    only = blocks.count == 1 && blocks[0].isForAll ? blocks[0] : nil
    onlyPort = only?.rules.port
  }

  /// The block with the longest zone that a name is within, among those for a port.
  func block(for name: NameView, port: UInt16) -> ServerBlock? {
    if let only { return onlyPort == nil || onlyPort == port ? only : nil }
    var found: ServerBlock?
    var longest = -1
    for index in blocks.indices {
      let block = blocks[index]
      guard block.port == nil || block.port == port else { continue }
      for index in block.zones.indices
      where block.zones[index].labels.count > longest && name.isWithin(block.zones[index]) {
        longest = block.zones[index].labels.count
        found = block
      }
    }
    return found
  }
}

/// A block as the workers use it.
final class ServerBlock: Sendable {
  let rules: BlockRules
  let responder: Responder
  let groups: [UpstreamGroup]
  let cache: AnswerCache?
  let port: UInt16?
  let zones: [DomainName]

  /// Throws where an upstream's authorities cannot be read.
  init(_ rules: BlockRules, _ configuration: DNSServer.Configuration, zone: ClusterZone?, cache: AnswerCache?) throws {
    self.rules = rules
    self.cache = cache
    port = rules.port
    zones = rules.zones
    groups = try rules.forwards.filter { !$0.upstreams.isEmpty }.map { try UpstreamGroup($0) }
    let hosts = StaticHosts()
    hosts.replace(rules.hosts)
    responder = Responder(
      hosts: hosts, zone: rules.answersCluster ? zone : nil, pods: rules.podRecords, ttl: rules.ttl,
      reverseRanges: rules.reverseRanges, hasUpstreams: !groups.isEmpty,
      keepalive: UInt16(clamping: configuration.idleTimeout * 10),
      nameServerAddresses: configuration.nameServerAddresses
        ?? configuration.listen.map(\.address).filter { !$0.isUnspecified },
      fallthroughZones: rules.fallthroughZones, rewrites: rules.rewrites, templates: rules.templates,
      hostsTTL: rules.hostsTTL, isLoadBalanced: rules.isLoadBalanced, completion: configuration.completion,
      isAlone: configuration.clusterDomain == nil)
  }

  fileprivate var isForAll: Bool { rules.zones.contains { $0.labels.isEmpty } }
}
