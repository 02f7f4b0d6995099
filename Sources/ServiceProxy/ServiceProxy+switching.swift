internal import Addressing
internal import Linux
internal import Netlink

/// From one back end to another, on a node whose connections go on: the new one is complete before the old one goes. Of two
/// that would translate a connection the first does, and the other leaves it alone.
extension ServiceProxy {
  /// Takes away what other back ends of ours left, after this one is in place. What is not ours stays.
  static func removeOthers(than kind: ServiceBackendKind, namespace: NetworkNamespace?) -> [String] {
    var problems: [String] = []
    func attempt(_ what: String, _ work: () throws -> Void) {
      do { try work() } catch { problems.append("what Services in \(what) left could not be removed: \(error)") }
    }
    if kind != .nftables {
      attempt("nftables") { try NFTablesBackend(namespace: namespace).remove() }
    }
    var kept: IPTablesVariant?
    if case .iptables(let variant) = kind { kept = variant.resolved }
    for variant in IPTablesVariant.installed where variant != kept {
      attempt(variant.rawValue) { try IPTablesBackend.remove(IPTablesProgram(variant: variant, namespace: namespace)) }
    }
    if case .ipvs = kind { return problems }
    attempt("IPVS") {
      let filter = try NFTablesSocket(namespace: namespace)
      if try filter.tables().contains(where: { $0.name == IPVSLayout.table.name && $0.family == .inet }) {
        try IPVSBackend(.rr, namespace: namespace).remove()
      }
    }
    return problems
  }
}
