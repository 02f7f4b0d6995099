package import Addressing
package import Linux

extension DNSServer {
  /// How a server is set up; nothing of it changes while it runs.
  package struct Configuration: Sendable {
    /// Where it listens, over UDP and TCP. Port 0 takes a free one; `DNSServer.addresses` tells which.
    package var listen: [AddressAndPort]
    /// The namespace the sockets are opened in; nil for the caller's.
    package var networkNamespace: NetworkNamespace?
    /// The zone the cluster's names are in; nil for a server that knows fixed hosts alone.
    package var clusterDomain: String? = "cluster.local"
    /// Seconds, 0 to 3600, that answers about the cluster may be kept.
    package var ttl: UInt32 = 5
    package var podRecords = PodRecords.insecure
    /// Ranges whose reverse names are never asked upstream: the pod and the Service range.
    package var reverseRanges: [Prefix] = []
    /// The addresses of `ns.dns.<zone>`, where pods ask; nil for those of `listen` that are addresses.
    package var nameServerAddresses: [IPAddress]?
    /// Who may have the cluster's zone (AXFR over TCP); empty for nobody.
    package var transferTo: [Prefix] = []
    /// Resolvers for all other names, asked in this order; empty refuses other names.
    package var upstreams: [AddressAndPort] = []
    /// Questions that may wait for upstreams at once; more are refused (as CoreDNS's `max_concurrent`).
    package var longestQueue = 1000
    /// Milliseconds until an upstream that is silent counts as failed and the next one is asked.
    package var upstreamTimeout = 2000
    /// Upstreams asked for one question until it fails; the same one may be asked twice.
    package var upstreamAttempts = 3
    package var cache = AnswerCache.Limits()
    /// Threads that answer.
    package var workers = 2
    /// Bind addresses that no interface has (yet), as the cluster DNS address on a node.
    package var isFreeBind = false
    /// Seconds until an idle TCP connection is closed.
    package var idleTimeout = 10
    /// TCP connections of one worker; a new one closes the one that was idle longest.
    package var mostConnections = 512

    package init(listen: [AddressAndPort]) { self.listen = listen }
  }

  /// Why a server cannot be set up.
  package enum ConfigurationError: Error, CustomStringConvertible {
    case noAddress
    case ttl(UInt32)
    case clusterDomain(DomainNameError)
    /// An upstream that is this server itself would be asked forever.
    case loop(AddressAndPort)

    package var description: String {
      switch self {
      case .noAddress: "DNS server: no address to listen on; give at least one"
      case .ttl(let ttl): "DNS server: ttl \(ttl) is out of range; use 0 to 3600 seconds"
      case .clusterDomain(let error): "DNS server: cluster domain \(error)"
      case .loop(let address):
        "DNS server: upstream \(address) is this server's own address, so every question would come back; name another resolver"
      }
    }
  }
}
