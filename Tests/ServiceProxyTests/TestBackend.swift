import Linux
import ServiceProxy
import Testing

/// The back ends that one table of semantics is tested with.
struct TestBackend: Hashable, Sendable, CustomTestStringConvertible, CustomStringConvertible {
  let kind: ServiceBackendKind

  static let nftables = TestBackend(kind: .nftables)
  static let iptables = [TestBackend(kind: .iptables(.nft)), TestBackend(kind: .iptables(.legacy))]
  static let ipvs = TestBackend(kind: .ipvs(.rr))
  /// Those that every kernel has; IPVS has a suite of its own, for qemu.
  static let all = [nftables] + iptables

  var isNFTables: Bool { kind == .nftables }
  var isIPVS: Bool { kind.mode == "ipvs" }

  /// Short, for names of namespaces.
  var description: String {
    switch kind {
    case .nftables: "n"
    case .iptables(let variant): variant == .legacy ? "l" : "i"
    case .ipvs: "v"
    }
  }
  var testDescription: String {
    switch kind {
    case .nftables: "nftables"
    case .iptables(let variant): variant.rawValue
    case .ipvs(let scheduler): "ipvs \(scheduler.rawValue)"
    }
  }

  func proxy(_ configuration: ServiceProxyConfiguration, _ node: TestNode) throws -> ServiceProxy {
    try ServiceProxy(configuration, backend: kind, namespace: node.namespace)
  }
}
