package import Linux

/// TCP segments that a namespace has dropped because of their MD5 signature (RFC 2385), as `/proc/net/netstat` counts
/// them. The kernel drops them silently: a wrong password looks like a peer that does not answer, but for these counters.
package struct SignatureFailures: Hashable, Sendable {
  /// The signature is wrong: the passwords differ.
  package var wrong = 0
  /// There is none where one is wanted: the peer has no password.
  package var missing = 0
  /// There is one where none is wanted: only the peer has a password.
  package var unexpected = 0

  package init() {}

  /// nil where the file cannot be read.
  package init?(namespace: NetworkNamespace?) {
    let path = "/proc/thread-self/net/netstat"
    let bytes: [UInt8]?
    if let namespace {
      bytes = try? namespace.open(path).readAll()
    } else {
      bytes = try? Files.read(path)
    }
    guard let bytes else { return nil }
    self.init(netstat: String(decoding: bytes, as: UTF8.self))
  }

  /// The file has pairs of lines: `TcpExt: NAME…` and `TcpExt: VALUE…`.
  package init(netstat text: String) {
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("TcpExt:") }.map { $0.split(separator: " ") }
    guard lines.count == 2 else { return }
    for (name, value) in zip(lines[0], lines[1]) {
      switch name {
      case "TCPMD5Failure": wrong = Int(value) ?? 0
      case "TCPMD5NotFound": missing = Int(value) ?? 0
      case "TCPMD5Unexpected": unexpected = Int(value) ?? 0
      default: break
      }
    }
  }

  /// What has been counted since.
  package func since(_ earlier: SignatureFailures) -> SignatureFailures {
    var result = self
    result.wrong -= earlier.wrong
    result.missing -= earlier.missing
    result.unexpected -= earlier.unexpected
    return result
  }
}
