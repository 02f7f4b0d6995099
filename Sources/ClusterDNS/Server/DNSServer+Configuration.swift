package import Addressing
package import Linux
internal import Streaming

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
    /// Of these, those of one client's address.
    package var mostWaitingOfClient = 250
    /// Milliseconds until an upstream that is silent counts as failed and the next one is asked.
    package var upstreamTimeout = 2000
    /// Milliseconds for which a connection to an upstream is kept open without use.
    package var upstreamExpire = 10_000
    /// Upstreams asked for one question until it fails; the same one may be asked twice.
    package var upstreamAttempts = 3
    /// Questions are sent to upstreams at the start to see that they do not come back.
    package var detectsLoops = false
    package var cache = AnswerCache.Limits()
    /// What is done with which names, instead of what the fields from `ttl` to `cache` say; a Corefile's blocks.
    package var blocks: [BlockRules]?
    /// Completes pods' search lists; nil for not at all.
    package var completion: SearchCompletion?
    /// The pod that has an address, for the query log.
    package var podName: (@Sendable (IPAddress) -> String?)?
    /// DNS over TLS at this port with this certificate chain and key (PEM files); nil for none.
    package var tls: TLS?
    /// Answers a second that one client may have over UDP; 0 for no limit.
    package var answersPerSecond = 0
    /// Of how many questions one is logged; 0 for none.
    package var logSampling = 0
    /// Says what is wrong with what the server was told.
    package var log = Log("dns")
    /// Takes the lines of questions.
    package var queryLog: @Sendable (String) -> Void = { line in Log("dns query").info(line) }
    /// Threads that answer.
    package var workers = 2
    /// Bind addresses that no interface has (yet), as the cluster DNS address on a node.
    package var isFreeBind = false
    /// Seconds until an idle TCP connection is closed.
    package var idleTimeout = 10
    /// TCP connections of one worker; a new one closes the one that was idle longest.
    package var mostConnections = 512
    /// Of these, those of one client's address.
    package var mostConnectionsOfClient = 64
    /// Milliseconds that a server which stops takes at most for what it has been asked.
    package var drainTime = 2000

    package init(listen: [AddressAndPort]) { self.listen = listen }

    /// The rules that the fields say.
    var rules: [BlockRules] {
      if let blocks { return blocks }
      var block = BlockRules()
      block.podRecords = podRecords
      block.ttl = ttl
      block.hostsTTL = ttl
      block.reverseRanges = reverseRanges
      block.transferTo = transferTo
      block.cache = cache
      block.logSampling = logSampling
      if !upstreams.isEmpty {
        var rule = ForwardRule(upstreams: upstreams.map { Upstream($0) })
        rule.longestQueue = longestQueue
        rule.timeout = upstreamTimeout
        rule.attempts = upstreamAttempts
        rule.detectsLoops = detectsLoops
        block.forwards = [rule]
      }
      return [block]
    }
  }

  /// How DNS over TLS (RFC 7858) and DNS over HTTPS (RFC 8484) are served.
  package struct TLS: Sendable {
    /// nil for not at all.
    package var port: UInt16?
    package var httpsPort: UInt16?
    package var certificate: String
    package var key: String

    package init(port: UInt16? = 853, httpsPort: UInt16? = nil, certificate: String, key: String) {
      self.port = port
      self.httpsPort = httpsPort
      self.certificate = certificate
      self.key = key
    }

    /// The ports with what is spoken there (ALPN): a client that wants something else there has come to the wrong one.
    var contexts: [ListeningSockets.Secure] {
      get throws(TLSError) {
        var contexts: [ListeningSockets.Secure] = []
        for (port, protocols, isHTTP) in [(port, ["dot"], false), (httpsPort, ["h2", "http/1.1"], true)] {
          guard let port else { continue }
          let context = try TLSContext(certificateFile: certificate, keyFile: key, protocols: protocols)
          contexts.append((port, context, isHTTP))
        }
        return contexts
      }
    }
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
