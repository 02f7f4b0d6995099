package import Addressing

/// A resolver that is asked for names that are not ours.
package struct Upstream: Hashable, Sendable, CustomStringConvertible {
  package enum Transport: Hashable, Sendable {
    /// UDP, and TCP for what does not fit.
    case plain
    /// DNS over TLS (RFC 7858). The certificate must be for this name; without one, for the address.
    case tls(serverName: String?)
  }

  // The small field first: docs/compiler-bugs.md.
  package var transport: Transport
  package var address: AddressAndPort

  package init(_ address: AddressAndPort, _ transport: Transport = .plain) {
    self.transport = transport
    self.address = address
  }

  package var description: String { transport == .plain ? "\(address)" : "tls://\(address)" }
}

/// Which upstreams are asked for which names, and how.
package struct ForwardRule: Sendable {
  /// Which of several upstreams is asked first.
  package enum Policy: String, Sendable {
    case random
    case roundRobin = "round_robin"
    /// In their order, the next one only if one fails.
    case sequential
  }

  /// Names within this one are asked for; the root is every name.
  package var from: DomainName
  /// Names within these are not.
  package var except: [DomainName] = []
  package var upstreams: [Upstream]
  package var policy = Policy.sequential
  /// Over TCP even if the client came by UDP.
  package var isTCPForced = false
  /// Failures one after another until an upstream counts as down and is asked by health checks alone; 0 for never.
  package var mostFailures = 2
  /// Milliseconds between two health checks of an upstream that is down.
  package var healthInterval = 500
  /// Questions that may wait at once; more are refused (SERVFAIL would be kept by clients). 0 for no limit.
  package var longestQueue = 1000
  /// Milliseconds until an upstream that is silent counts as failed and the next one is asked.
  package var timeout = 2000
  /// Upstreams asked for one question until it fails; the same one may be asked twice.
  package var attempts = 3
  /// Milliseconds for which a connection to an upstream is kept open without use.
  package var expire = 10_000
  /// A file of authorities (PEM) for DNS over TLS; nil for those of the system.
  package var authorities: String?
  /// A question is sent at the start to see that it does not come back.
  package var detectsLoops = true

  package init(from: DomainName = .root, upstreams: [Upstream]) {
    self.from = from
    self.upstreams = upstreams
  }
}

extension DomainName {
  /// Every name is within it.
  package static let root = DomainName(validWire: [0])
}
