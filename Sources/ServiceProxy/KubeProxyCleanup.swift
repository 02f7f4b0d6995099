internal import Addressing
internal import Glibc
package import Linux
internal import Netlink

/// Removes what kube-proxy leaves on a node in any of its modes. What swiftlet has there, what kubelet has, and what
/// others have stays.
package enum KubeProxyCleanup {
  /// Does it and tells, a line each, what was removed and what could not be.
  package static func run(namespace: NetworkNamespace? = nil) -> (removed: [String], problems: [String]) {
    var (removed, problems): ([String], [String]) = ([], [])
    func attempt(_ what: String, _ work: () throws -> Int) {
      do {
        let count = try work()
        if count > 0 { removed.append("\(what): \(count)") }
      } catch {
        problems.append("\(what): \(error)")
      }
    }
    attempt("nftables tables of kube-proxy") { try removeTables(namespace) }
    for variant in IPTablesVariant.installed {
      let program = IPTablesProgram(variant: variant, namespace: namespace)
      for family in IPFamily.allCases {
        attempt("chains in \(variant.program(family, "").dropLast())") {
          // With iptables as our back end the same names are in use, rightly.
          try IPTablesCleanup.run(program, family) { $0[IPTablesLayout.canary] != [IPTablesLayout.signature] }
        }
      }
    }
    attempt("virtual services of IPVS") { try removeVirtualServices(namespace) }
    attempt("ipsets") { try removeSets(namespace) }
    return (removed, problems)
  }

  private static func removeTables(_ namespace: NetworkNamespace?) throws -> Int {
    let socket = try NFTablesSocket(namespace: namespace)
    let found = try socket.tables().filter { $0.name == "kube-proxy" && [NFFamily.ipv4, .ipv6].contains($0.family) }
    var batch = NFTablesBatch()
    for table in found { batch.delete(NFTable(table.family, table.name)) }
    try socket.commit(batch)
    return found.count
  }

  /// Only where kube-proxy's dummy link is and our own table beside IPVS is not.
  private static func removeVirtualServices(_ namespace: NetworkNamespace?) throws -> Int {
    let routes = try RouteSocket(namespace: namespace)
    guard let link = try routes.link(.name(IPVSBackend.link)) else { return 0 }
    let ours = try NFTablesSocket(namespace: namespace).tables().contains {
      $0.name == IPVSLayout.table.name && $0.family == .inet
    }
    if ours { return 0 }
    guard let ipvs = try? IPVSSocket(namespace: namespace) else {
      try routes.perform(RouteRequest.deleteLink(.index(link.index)))
      return 1
    }
    return try IPVSBackend.removeAll(ipvs, routes) + 1
  }

  private static func removeSets(_ namespace: NetworkNamespace?) throws -> Int {
    func ipset(_ arguments: [String]) throws -> ChildProcess.Result? {
      do { return try ChildProcess.run(["ipset"] + arguments, namespace: namespace, timeout: 60) } catch {
        if error.code == ENOENT { return nil }
        throw error
      }
    }
    guard let list = try ipset(["list", "-n"]) else { return 0 }
    let names = list.output.split(separator: "\n").filter { $0.hasPrefix("KUBE-") }
    for name in names {
      guard let result = try ipset(["destroy", String(name)]), result.status.isSuccess else {
        throw IPTablesError(description: "ipset destroy \(name) failed; something still uses it")
      }
    }
    return names.count
  }
}
