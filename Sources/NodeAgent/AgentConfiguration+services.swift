internal import Linux
internal import ServiceProxy

extension AgentConfiguration {
  /// `--services-backend`, `--ipvs-scheduler`, `--without` and `--only`.
  mutating func readServices(_ options: CommandLineOptions) throws(UsageError) {
    disabledPlanes = Set(options.all("without"))
    let only = Set(options.all("only"))
    for (option, names) in [("without", disabledPlanes), ("only", only)] {
      if let unknown = names.subtracting(Self.planes).min() {
        throw UsageError(
          "option --\(option): there is no plane \(unknown); known are \(Self.planes.joined(separator: ", "))")
      }
    }
    if !only.isEmpty { disabledPlanes.formUnion(Set(Self.planes).subtracting(only)) }

    var scheduler = IPVSScheduler.rr
    if let name = options["ipvs-scheduler"] {
      guard let found = IPVSScheduler(rawValue: name) else {
        let known = IPVSScheduler.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError("option --ipvs-scheduler: there is no scheduler \(name); known are \(known)")
      }
      scheduler = found
    }
    switch options["services-backend"] ?? "nftables" {
    case "nftables": servicesBackend = .nftables
    case "ipvs": servicesBackend = .ipvs(scheduler)
    case let name:
      guard let variant = IPTablesVariant(rawValue: name) else {
        throw UsageError(
          "option --services-backend: there is no \(name); known are nftables, iptables, iptables-nft, iptables-legacy, "
            + "ipvs")
      }
      servicesBackend = .iptables(variant)
    }
    if options["ipvs-scheduler"] != nil, servicesBackend.mode != "ipvs" {
      throw UsageError("option --ipvs-scheduler goes with --services-backend ipvs alone")
    }
  }
}
