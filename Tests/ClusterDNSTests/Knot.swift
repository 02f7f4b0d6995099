import Addressing
import Glibc
import Linux

@testable import ClusterDNS

/// Debian's knot with a zone file, on the loopback.
final class Knot {
  let address: AddressAndPort
  private let process: ChildProcess
  private let directory: String

  init(zone: String, file text: String) throws {
    directory = "/tmp/swt-knot-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try Files.makeDirectories(directory)
    // A port that was free a moment ago.
    address = try {
      let probe = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
      try check("bind") { SocketAddress(loopback).bind(probe.raw) }
      return AddressAndPort(loopback.address, try SocketAddress.bound(probe.raw).port)
    }()
    try Files.write("\(directory)/zone", Array(text.utf8))
    let configuration = """
      server:
          rundir: "\(directory)"
          listen: \(address.address)@\(address.port)
          udp-workers: 1
          tcp-workers: 1
          background-workers: 1
          udp-max-payload: 1232
      log:
        - target: stderr
          any: error
      database:
          storage: "\(directory)"
      zone:
        - domain: \(zone)
          storage: "\(directory)"
          file: zone
          semantic-checks: off
          journal-content: none
          zonefile-sync: -1

      """
    try Files.write("\(directory)/knot.conf", Array(configuration.utf8))
    process = try ChildProcess(
      ["/usr/sbin/knotd", "-c", "\(directory)/knot.conf"], standardOutput: .null, standardError: .null)
    // It answers SERVFAIL while it loads.
    let client = try Client(address)
    for _ in 0..<100 {
      if client.ask(Question(zone, .soa).bytes)?.code == 0 { return }
      usleep(50_000)
    }
    stop()
    throw SystemError("knotd does not answer at \(address)", code: ETIMEDOUT)
  }

  func stop() {
    process.stop()
    try? Files.removeTree(directory)
  }
}
