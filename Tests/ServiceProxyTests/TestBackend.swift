import Linux
import ServiceProxy
import Testing

/// The back ends that one table of semantics is tested with.
struct TestBackend: Hashable, Sendable, CustomTestStringConvertible, CustomStringConvertible {
  let kind: ServiceBackendKind

  static let nftables = TestBackend(kind: .nftables)
  static let iptables = [TestBackend(kind: .iptables(.nft)), TestBackend(kind: .iptables(.legacy))]
  static let all = [nftables] + iptables

  var isNFTables: Bool { kind == .nftables }

  /// Short, for names of namespaces.
  var description: String {
    switch kind {
    case .nftables: "n"
    case .iptables(let variant): variant == .legacy ? "l" : "i"
    }
  }
  var testDescription: String {
    switch kind {
    case .nftables: "nftables"
    case .iptables(let variant): variant.rawValue
    }
  }

  func proxy(_ configuration: ServiceProxyConfiguration, _ node: TestNode) throws -> ServiceProxy {
    try ServiceProxy(configuration, backend: kind, namespace: node.namespace)
  }
}
