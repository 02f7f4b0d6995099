import Addressing
import Testing

@testable import ClusterDNS

@Suite struct CorefileTests {
  /// What kubeadm installs.
  static let usual = """
    .:53 {
        errors
        health {
           lameduck 5s
        }
        ready
        kubernetes cluster.local in-addr.arpa ip6.arpa {
           pods insecure
           fallthrough in-addr.arpa ip6.arpa
           ttl 30
        }
        prometheus :9153
        forward . /etc/resolv.conf {
           max_concurrent 1000
        }
        cache 30 {
           disable success cluster.local
           disable denial cluster.local
        }
        loop
        reload
        loadbalance
    }
    """

  static func read(_ text: String, environment: [String: String] = [:]) throws -> Corefile {
    try Corefile(
      parsing: text,
      Corefile.Surroundings(environment: environment) { path in
        [
          "/etc/resolv.conf": "search a.example\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n",
          "/etc/hosts": "192.0.2.9 h.example # x\n",
        ][
          path]
      })
  }

  @Test func theUsualFileIsHonouredWhole() throws {
    let corefile = try Self.read(Self.usual)
    #expect(corefile.notices == [])
    #expect(corefile.clusterDomain == "cluster.local")
    #expect(corefile.ports == [53] && corefile.lameduck == 5 && corefile.reloadInterval == 30)
    #expect(corefile.health == AddressAndPort(IPAddress("::")!, 8080))
    #expect(corefile.ready?.port == 8181 && corefile.metrics?.port == 9153)
    let block = try #require(corefile.blocks.first)
    #expect(corefile.blocks.count == 1 && block.answersCluster && block.ttl == 30 && block.podRecords == .insecure)
    #expect(block.isLoadBalanced && block.fallthroughZones.isEmpty)
    let rule = try #require(block.forwards.first)
    #expect(rule.upstreams.map(\.description) == ["192.0.2.53:53", "[2001:db8::53]:53"])
    #expect(rule.policy == .random && rule.longestQueue == 1000 && rule.detectsLoops)
    #expect(block.cache?.positive == 5...30 && block.cache?.entries == 9984)
  }

  @Test func everyOptionOfForwardAndCache() throws {
    let corefile = try Self.read(
      """
      (snip) {
        cache {
          success 5000 600 10
          denial 2500 60
          prefetch 10 2m 20%
          serve_stale 2h verify
          servfail 3s
        }
      }
      example.org, 10.0.0.0/8 {
        import snip
        forward . tls://192.0.2.1 tls://192.0.2.2:8853%dns.example {$UP} {
          except a.example.org
          force_tcp
          expire 20s
          max_fails 3
          tls_servername resolver.example
          policy sequential
          health_check 2s
        }
      }
      """, environment: ["UP": "192.0.2.3:5353"])
    #expect(corefile.notices == [])
    let block = try #require(corefile.blocks.first)
    #expect(block.zones.map(\.description) == ["example.org", "10.in-addr.arpa"])
    let rule = try #require(block.forwards.first)
    #expect(
      rule.upstreams == [
        Upstream(AddressAndPort(IPAddress("192.0.2.1")!, 853), .tls(serverName: "resolver.example")),
        Upstream(AddressAndPort(IPAddress("192.0.2.2")!, 8853), .tls(serverName: "dns.example")),
        Upstream(AddressAndPort(IPAddress("192.0.2.3")!, 5353)),
      ])
    #expect(rule.isTCPForced && rule.expire == 20_000 && rule.mostFailures == 3 && rule.policy == .sequential)
    #expect(rule.healthInterval == 2000 && rule.except.map(\.description) == ["a.example.org"] && !rule.detectsLoops)
    let cache = try #require(block.cache)
    #expect(cache.entries == 9984 && cache.positive == 10...600 && cache.negative == 5...60)
    #expect(cache.prefetch?.amount == 10 && cache.prefetch?.row == 120 && cache.prefetch?.percentage == 20)
    #expect(cache.stale == 7200 && cache.verifiesStale && cache.failure == 3)
  }

  /// What is not honoured is told by line; the rest works.
  @Test func noticesNameTheirLines() throws {
    let corefile = try Self.read(
      """
      . {
        kubernetes cluster.local {
          pods verified
          namespaces a b
        }
        geoip /x
        forward . 192.0.2.1 https://dns.example {
          next NXDOMAIN
        }
        rewrite ttl example.org 30
        loadbalance weighted x
      }
      tls://.:853 {
        whoami
      }
      """)
    #expect(corefile.notices.map(\.line) == [4, 6, 7, 8, 10, 11, 13, 14])
    #expect(corefile.blocks.count == 1 && corefile.blocks[0].podRecords == .verified)
  }

  @Test(
    arguments: [
      ("", 1), (". {", 1), ("}\n", 1), (". {\n forward .\n}", 2), (". {\n forward . nowhere\n}", 2),
      (". {\n cache 3\n}", 2), (". {\n kubernetes a.b {\n ttl 4000\n }\n}", 3), (".:x {\n}", 1),
      (". {\n import x\n}", 2), (". {\n rewrite name a\n}", 2), (". {\n rewrite name regex ( a\n}", 2),
      (". {\n template IN A {\n answer \"{{ .What }} A 1.2.3.4\"\n }\n}", 3), (". {\n hosts {\n x y\n }\n}", 3),
      ("a..b {\n}", 1), (". {\n forward . /nowhere\n}", 2), (". {\n health x\n}", 2), (". {\n log \"x\n}", 2),
      (". {\n kubernetes a.x\n}\nb {\n kubernetes b.x\n}", 5),
    ] as [(String, Int)]) func errorsNameTheirLines(_ text: String, _ line: Int)
  {
    do {
      _ = try Self.read(text)
      Issue.record("accepted")
    } catch {
      #expect((error as? CorefileError)?.line == line, "\(error)")
    }
  }

  @Test func mutationsNeverBreakTheReader() {
    var random = Xorshift(state: 0xC0FE)
    let seeds = [Self.usual, "(a) {\n log\n}\n. {\n import a\n template IN ANY x {\n match (?P<n>.*)\n }\n}"]
    for round in 0..<3000 {
      var bytes = Array(seeds[round % seeds.count].utf8)
      for _ in 0..<Int.random(in: 1...5, using: &random) { random.mutate(&bytes) }
      _ = try? Self.read(String(decoding: bytes, as: UTF8.self))
    }
  }
}
