import Addressing
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct LoadBalancerAddressesTests {
  private static func pool(_ name: String, _ ranges: String..., automatic: Bool = true) -> LoadBalancerPool {
    LoadBalancerPool(name: name, ranges: ranges.map { AddressRange($0)! }, isAutomatic: automatic)
  }

  private static func request(
    _ name: String, _ change: (inout LoadBalancerRequest) -> Void = { _ in }
  ) -> LoadBalancerRequest {
    var request = LoadBalancerRequest(key: NamespacedKey("default", name))
    request.ports = ["TCP/80"]
    change(&request)
    return request
  }

  /// `192.0.2.1,fd00::1`, or the reason there is none.
  private static func result(_ addresses: inout LoadBalancerAddresses, _ request: LoadBalancerRequest) -> String {
    do { return try addresses.allocate(request).map(\.description).joined(separator: ",") } catch {
      return error.reason.rawValue
    }
  }

  private static func make(_ pools: LoadBalancerPool...) -> LoadBalancerAddresses {
    var addresses = LoadBalancerAddresses()
    for pool in pools { addresses.set(pool.name, pool) }
    return addresses
  }

  @Test func inOrderAndToTheEnd() {
    var addresses = Self.make(Self.pool("a", "192.0.2.10-192.0.2.11"), Self.pool("b", "192.0.2.64/31"))
    let given = (0..<5).map { Self.result(&addresses, Self.request("s\($0)")) }
    #expect(given == ["192.0.2.10", "192.0.2.11", "192.0.2.64", "192.0.2.65", "exhausted"])
    #expect(addresses.used(of: "a") == 2 && addresses.used(of: "b") == 2)
    // Who has one keeps it.
    #expect(Self.result(&addresses, Self.request("s1")) == "192.0.2.11")
    addresses.release(NamespacedKey("default", "s0"))
    #expect(Self.result(&addresses, Self.request("s4")) == "192.0.2.10")
  }

  @Test func selectors() {
    let selected = LoadBalancerPool(
      name: "a", ranges: [AddressRange("192.0.2.1")!], serviceSelector: LabelSelector(matchLabels: ["app": "web"]),
      namespaceSelector: LabelSelector(matchLabels: ["team": "x"]))
    var addresses = Self.make(selected, Self.pool("byname", "192.0.2.2", automatic: false))
    // A pool that is not given out by itself serves nobody who does not name it.
    #expect(Self.result(&addresses, Self.request("s")) == "noPool")
    #expect(Self.result(&addresses, Self.request("s") { $0.labels = ["app": "web"] }) == "noPool")
    #expect(
      Self.result(
        &addresses,
        Self.request("s") {
          $0.labels = ["app": "web"]
          $0.namespaceLabels = ["team": "x"]
        }) == "192.0.2.1")
    #expect(Self.result(&addresses, Self.request("t") { $0.pool = "byname" }) == "192.0.2.2")
    #expect(Self.result(&addresses, Self.request("u") { $0.pool = "nowhere" }) == "noPool")
    #expect(Self.result(&addresses, Self.request("u") { $0.pool = "a" }) == "noPool")
  }

  @Test func requests() {
    var addresses = Self.make(Self.pool("a", "192.0.2.0/28", "fd00::/124"))
    func ask(_ name: String, _ texts: String..., families: [IPFamily] = [.v4]) -> String {
      Self.result(
        &addresses,
        Self.request(name) {
          $0.requested = texts.map { IPAddress($0)! }
          $0.families = families
        })
    }
    #expect(ask("s", "192.0.2.5") == "192.0.2.5")
    #expect(ask("t", "192.0.2.5") == "inUse")
    #expect(ask("t", "198.51.100.1") == "notInPool")
    #expect(ask("t", "fd00::5", families: [.v6]) == "fd00::5")
    #expect(ask("u", "fd00::6", families: [.v4, .v6]) == "192.0.2.0,fd00::6")
    // Another wish, another address; the old one is free.
    #expect(ask("s", "192.0.2.6") == "192.0.2.6")
    #expect(ask("t", "192.0.2.5") == "192.0.2.5")
    #expect(Self.result(&addresses, Self.request("v") { $0.fault = "x" }) == "invalidRequest")
  }

  @Test func families() {
    var addresses = Self.make(Self.pool("a", "192.0.2.1-192.0.2.3", "fd00::1"))
    func ask(_ name: String, _ families: [IPFamily], all: Bool) -> String {
      Self.result(
        &addresses,
        Self.request(name) {
          $0.families = families
          $0.needsAllFamilies = all
        })
    }
    #expect(ask("s", [.v6, .v4], all: true) == "fd00::1,192.0.2.1")
    #expect(ask("t", [.v4, .v6], all: true) == "exhausted")
    // All or nothing: the refused one holds no address.
    #expect(addresses.used(of: "a") == 2)
    #expect(ask("t", [.v4, .v6], all: false) == "192.0.2.2")
    #expect(ask("u", [.v6], all: true) == "exhausted")
  }

  @Test func sharing() {
    var addresses = Self.make(Self.pool("a", "192.0.2.1-192.0.2.9"))
    func ask(
      _ name: String, key: String? = "k", ports: Set<String>, namespace: String = "default",
      local: [String: String]? = nil, at address: String? = nil
    ) -> String {
      var request = LoadBalancerRequest(key: NamespacedKey(namespace, name))
      request.sharingKey = key
      request.ports = ports
      request.localSelector = local
      request.requested = address.map { [IPAddress($0)!] } ?? []
      return Self.result(&addresses, request)
    }
    #expect(ask("web", ports: ["TCP/80", "TCP/443"]) == "192.0.2.1")
    #expect(ask("dns", ports: ["UDP/53"]) == "192.0.2.1")
    #expect(ask("udp", ports: ["UDP/443"]) == "192.0.2.1")
    #expect(addresses.users(of: IPAddress("192.0.2.1")!).count == 3 && addresses.used(of: "a") == 1)
    // A port in common, another key, none, another namespace, another policy: an address of its own.
    #expect(ask("web2", ports: ["TCP/80"]) == "192.0.2.2")
    #expect(ask("other", key: "l", ports: ["TCP/1"]) == "192.0.2.3")
    #expect(ask("none", key: nil, ports: ["TCP/1"]) == "192.0.2.4")
    #expect(ask("far", ports: ["TCP/1"], namespace: "far") == "192.0.2.5")
    #expect(ask("local", ports: ["TCP/2"], local: ["app": "a"]) == "192.0.2.6")
    #expect(ask("local2", ports: ["TCP/3"], local: ["app": "a"]) == "192.0.2.6")
    #expect(ask("x", key: "l", ports: ["TCP/9"], at: "192.0.2.1") == "inUse")
    // The address stays while one is left, and goes with the last.
    for name in ["web", "dns"] { addresses.release(NamespacedKey("default", name)) }
    #expect(addresses.used(of: "a") == 6)
    #expect(ask("dns", ports: ["UDP/53"]) == "192.0.2.1")
    for name in ["udp", "dns"] { addresses.release(NamespacedKey("default", name)) }
    #expect(addresses.used(of: "a") == 5)
    #expect(ask("plain", key: nil, ports: ["TCP/80"]) == "192.0.2.1")
  }

  @Test func poolsThatChange() {
    var addresses = Self.make(Self.pool("a", "192.0.2.1-192.0.2.2"))
    #expect(Self.result(&addresses, Self.request("s")) == "192.0.2.1")
    addresses.set("b", Self.pool("b", "192.0.2.0/30"))
    #expect(addresses.used(of: "b") == 1)
    addresses.set("a", nil)
    #expect(Self.result(&addresses, Self.request("s")) == "192.0.2.1")
    #expect(Self.result(&addresses, Self.request("t")) == "192.0.2.0")
    addresses.set("b", Self.pool("b", "192.0.2.8/30"))
    #expect(Self.result(&addresses, Self.request("s")) == "192.0.2.8")
    let isAdopted = addresses.adopt(Self.request("u"), [IPAddress("192.0.2.8")!])
    #expect(!isAdopted)
  }

  /// Random Services with random wishes over random pools: no address has two Services that may not share it, counts are
  /// right, and refusal takes nothing.
  @Test func neverTwice() {
    var addresses = Self.make(
      Self.pool("a", "192.0.2.0/29", "fd00::/126"), Self.pool("b", "192.0.2.4-192.0.2.11", "fd00::2-fd00::9"),
      Self.pool("c", "192.0.2.32/30", automatic: false))
    var wishes: [NamespacedKey: LoadBalancerRequest] = [:]
    for _ in 0..<20_000 {
      let name = "s\(Int.random(in: 0..<30))"
      if Int.random(in: 0..<4) == 0 {
        addresses.release(NamespacedKey("default", name))
        continue
      }
      let wish = Self.request(name) { wish in
        wish.families = [[.v4], [.v6], [.v4, .v6]].randomElement()!
        wish.needsAllFamilies = .random()
        wish.sharingKey = [nil, "k", "l"].randomElement()!
        wish.ports = Set((0..<Int.random(in: 1...2)).map { _ in "TCP/\(Int.random(in: 1...6))" })
        wish.localSelector = [nil, nil, ["a": "b"]].randomElement()!
        wish.pool = [nil, nil, "b", "c"].randomElement()!
        if Int.random(in: 0..<5) == 0, wish.families.contains(.v4) {
          wish.requested = [IPAddress("192.0.2.\(Int.random(in: 0..<40))")!]
        }
      }
      wishes[wish.key] = wish
      _ = Self.result(&addresses, wish)
      var users: [IPAddress: [LoadBalancerRequest]] = [:]
      for (key, holding) in addresses.holdings {
        #expect(holding.request == wishes[key])
        for address in holding.addresses { users[address, default: []].append(holding.request) }
      }
      for (address, sharers) in users {
        #expect(addresses.users(of: address) == Set(sharers.map(\.key)))
        for (index, one) in sharers.enumerated() {
          for other in sharers[..<index] { #expect(one.canShare(with: other), "\(address): \(one.key) \(other.key)") }
        }
      }
      for pool in addresses.pools.values {
        #expect(addresses.used(of: pool.name) == users.keys.count { pool.contains($0) })
      }
    }
  }

  @Test(
    arguments: [
      (["192.0.2.1", "192.0.2.16/28"], nil), (["192.0.2.9-192.0.2.1"], "comes before"),
      (["10.96.3.0/24"], "overlaps 10.96.0.0/16, a range of the cluster's own"), (["nonsense"], "spec.addresses[0]"),
    ] as [([String], String?)]) func readingPools(_ texts: [String], _ fault: String?)
  {
    var object = KubernetesObject(.loadBalancerPools, name: "a")
    object.spec["addresses"] = .array(texts.map { .string($0) })
    let pool = LoadBalancerPool(object, clusterRanges: [Prefix("10.96.0.0/16")!])
    #expect((pool.fault == nil) == (fault == nil))
    if let fault { #expect(pool.fault?.contains(fault) == true, "\(pool.fault ?? "")") }
    #expect(pool.admits(Self.request("s")) == (fault == nil))
  }

  @Test(
    arguments: [
      (["loadBalancerIP": "192.0.2.1"], [:], ["192.0.2.1"], nil),
      (["loadBalancerIP": "192.0.2.1"], [LoadBalancerRequest.addressesAnnotation: "192.0.2.2"], ["192.0.2.2"], nil),
      (
        ["ipFamilies": ["IPv4", "IPv6"]], [LoadBalancerRequest.addressesAnnotation: "192.0.2.2, fd00::1"],
        ["192.0.2.2", "fd00::1"], nil
      ),
      (["loadBalancerIP": "x"], [:], [], "\"x\" is no IP address"),
      (["loadBalancerIP": "fd00::1"], [:], ["fd00::1"], "has no IPv6"),
      (
        [:], [LoadBalancerRequest.addressesAnnotation: "192.0.2.2,192.0.2.3"], ["192.0.2.2", "192.0.2.3"],
        "two addresses"
      ),
    ] as [(JSON, [String: String], [String], String?)])
  func readingServices(spec: JSON, annotations: [String: String], requested: [String], fault: String?) {
    var service = KubernetesObject(.services, namespace: "default", name: "s")
    service.spec = spec
    service.annotations = annotations
    let request = LoadBalancerRequest(service, namespaceLabels: [:])
    #expect(request.requested.map(\.description) == requested)
    #expect((request.fault == nil) == (fault == nil))
    if let fault { #expect(request.fault?.contains(fault) == true) }
  }
}
