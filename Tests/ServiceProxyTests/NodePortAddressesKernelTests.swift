import Addressing
import Glibc
import ServiceProxy
import Testing

/// `--nodeport-addresses`: which of the node's addresses serve NodePorts; and for how long affinity holds.
@Suite(.serialized) struct NodePortAddressesKernelTests {
  @Test(arguments: TestBackend.all) func onlyAddressesInTheRangesServe(_ backend: TestBackend) throws {
    try Self.check(backend)
  }

  static func check(_ backend: TestBackend) throws {
    let node = try TestNode("ports-\(backend)", pods: OuterFrontendKernelTests.pods)
    // Without ranges: the node's InternalIPs, 192.0.2.1 and 2001:db8:2::1. The bridge's addresses are the node's, too.
    var configuration = OuterFrontendKernelTests.configuration
    configuration.nodePortRanges = [Prefix("10.244.0.0/24")!, Prefix("198.51.100.0/24")!, Prefix("fd00:244::/64")!]
    let proxy = try backend.proxy(configuration, node)
    let service = OuterFrontendKernelTests.web([11])
    try proxy.sync(full: [service])
    func ask(_ place: String, _ address: String) -> [String: Int] {
      TestNode.byName(node.client(place, "tcp", address, 30080, 2))
    }
    for address in ["10.244.0.1", "fd00:244::1"] {
      #expect(ask("client", address) == ["here": 2], "\(address)")
      #expect(ask("world", address) == ["here": 2], "\(address)")
      #expect(ask("node", address) == ["here": 2], "\(address)")
    }
    for address in ["192.0.2.1", "2001:db8:2::1"] {
      #expect(ask("world", address) == ["ECONNREFUSED": 2], "\(address)")
      #expect(ask("client", address) == ["ECONNREFUSED": 2], "\(address)")
    }
    // Other ranges while it runs.
    configuration.nodePortRanges = [Prefix("192.0.2.0/24")!]
    #expect(try proxy.configure(configuration) == false)
    #expect(ask("world", "192.0.2.1") == ["here": 2])
    #expect(ask("world", "10.244.0.1") == ["ECONNREFUSED": 2])
  }

  @Test(arguments: TestBackend.all) func eachConnectionRenewsAffinity(_ backend: TestBackend) throws {
    let node = try TestNode("renew-\(backend)", pods: OuterFrontendKernelTests.pods)
    let proxy = try backend.proxy(OuterFrontendKernelTests.configuration, node)
    try proxy.sync(full: [OuterFrontendKernelTests.web([11, 20]) { $0.affinityTimeout = 6000 }])
    /// Milliseconds left, or jiffies when last seen.
    func stamp() -> Int? {
      if backend.isNFTables {
        // `expires 1h39m57s496ms`
        let listing = node.run("node", "nft list map inet swiftlet-services affinity4")
        guard let range = listing.firstRange(of: "expires ") else { return nil }
        var (total, number, unit) = (0, 0, "")
        let units = ["h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1]
        for character in listing[range.upperBound...].prefix(while: { $0.isLetter || $0.isNumber }) + "0" {
          if let digit = character.wholeNumberValue {
            if !unit.isEmpty { (total, number, unit) = (total + number * (units[unit] ?? 0), 0, "") }
            number = number * 10 + digit
          } else {
            unit.append(character)
          }
        }
        return total
      }
      let lines = node.run("node", "sh -c 'cat /proc/net/xt_recent/KUBE-SEP-*'").split(separator: "\n")
      return lines.compactMap { line in
        line.contains("src=10.244.0.9")
          ? line.firstRange(of: "last_seen: ").flatMap { Int(line[$0.upperBound...].prefix { $0.isNumber }) } : nil
      }.max()
    }
    let first = TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 1))
    usleep(1_500_000)
    let before = try #require(stamp())
    #expect(TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 1)) == first)
    let after = try #require(stamp())
    #expect(after > before, "\(before) \(after)")
  }
}
