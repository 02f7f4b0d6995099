package import Addressing
package import Linux

extension HAProxyController {
  /// How HAProxy is run; nothing of it changes while the controller lives.
  package struct Configuration: Sendable {
    /// Where its files, sockets and log are; made if it is not there. A socket's path must fit into 107 bytes, so this one
    /// into about 90.
    package var directory: String
    /// Addresses for HTTP and HTTPS. 0.0.0.0 and :: are allowed.
    package var http: [AddressAndPort]
    package var https: [AddressAndPort]
    /// PEM of a chain and its key, shown to clients that name no host of ours; without one their handshake is refused.
    package var defaultCertificate: [UInt8]?
    /// The account it works under after binding; nil keeps the caller's.
    package var user: String?
    /// Seconds that connections of a replaced process may live on.
    package var drainSeconds = 300
    package var program = "haproxy"
    /// The network namespace it runs in; nil for the caller's.
    package var networkNamespace: NetworkNamespace?

    package init(directory: String, http: [AddressAndPort], https: [AddressAndPort]) {
      self.directory = directory
      self.http = http
      self.https = https
    }
  }

  /// What HAProxy or its configuration refused.
  package enum Failure: Error, CustomStringConvertible {
    case badConfiguration(String)
    case notRunning(String)
    case command(String, answer: String)

    package var description: String {
      switch self {
      case .badConfiguration(let message):
        "HAProxy refuses its new configuration and keeps the old one: \(message)"
      case .notRunning(let message): "HAProxy does not run: \(message)"
      case .command(let command, let answer): "HAProxy command \"\(command)\" failed: \(answer)"
      }
    }
  }
}
