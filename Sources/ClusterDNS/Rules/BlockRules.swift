package import Addressing

/// What is done with questions for some zones: a server block of a Corefile, or what an agent is told.
package struct BlockRules: Sendable {
  /// The names it is for: those within one of these, unless another block has a longer one.
  package var zones: [DomainName] = [.root]
  /// The port questions must have come in by; nil for any.
  package var port: UInt16?
  /// Fixed names with their addresses.
  package var hosts: [DomainName: [IPAddress]] = [:]
  package var hostsTTL: UInt32 = 3600
  /// The cluster's own names are answered here.
  package var answersCluster = true
  package var podRecords = PodRecords.insecure
  /// Seconds, 0 to 3600, that answers about the cluster may be kept.
  package var ttl: UInt32 = 5
  /// Addresses whose reverse names are never asked upstream.
  package var reverseRanges: [Prefix] = []
  /// Names of the cluster's zone within these that do not exist are asked upstream.
  package var fallthroughZones: [DomainName] = []
  package var rewrites: [RewriteRule] = []
  package var templates: [TemplateRule] = []
  /// The first whose names include the question's.
  package var forwards: [ForwardRule] = []
  /// nil: nothing is kept.
  package var cache: AnswerCache.Limits?
  /// Who may have the cluster's zone (AXFR over TCP); empty for nobody.
  package var transferTo: [Prefix] = []
  /// The first address of an answer is another one each time.
  package var isLoadBalanced = true
  /// Of how many questions one is logged; 0 for none.
  package var logSampling = 0

  package init() {}
}
