import Glibc
import Linux

@testable import ClusterDNS

/// A certificate for `dns.example` and the loopback address, signed by itself, in a folder that goes with it.
final class ServerCertificate: Sendable {
  let folder: String
  var chain: String { "\(folder)/cert" }
  var key: String { "\(folder)/key" }

  init() throws {
    folder = "/tmp/swt-dns-tls-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try Files.makeDirectories(folder)
    _ = run(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(key) -out \(chain) "
        + "-days 1 -subj /CN=dns.example -addext subjectAltName=DNS:dns.example,IP:127.0.0.1")
  }

  deinit { try? Files.removeTree(folder) }
}

/// A TCP port of the loopback that nobody has at the moment.
func freePort() throws -> UInt16 {
  let probe = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
  try check("bind") { SocketAddress(loopback).bind(probe.raw) }
  return try SocketAddress.bound(probe.raw).port
}
