import Addressing
import JSON
import Lab
import Linux
import Netlink
import PodNetwork

/// `swiftlet ipam`: which addresses are leased on this node, to whom, and what is wrong with them.
enum IPAMCommand {
  static let options: [CommandLineOptions.Option] = [
    .init("network", "NAME", "one network (all that have leases)"),
    .init("data-dir", "DIR", "where leases are kept (/var/lib/cni/networks)"),
    .init("cni-conf-dir", "DIR", "where the network's configuration is (/etc/cni/net.d)"),
    .init("output", "FORMAT", letter: "o", "text or json (text)"),
    .init("interface", "NAME", "release: only this interface of the container"),
    .init("force", nil, "release: although the link is there, or the file is foreign"),
  ]

  static var help: String {
    """
    usage: swiftlet ipam show [options]              how full the ranges are, and every lease
           swiftlet ipam check [options]             what is wrong with the leases; status 1 if anything is
           swiftlet ipam release ADDRESS [options]   take back the lease of an address, with all its pod's other ones
           swiftlet ipam release CONTAINER [options] take back what a container holds; the whole identity is needed

    Run it in the node's own network namespace: whether a pod is there is told by its link.


    """ + CommandLineOptions.help(options)
  }

  /// The exit status.
  static func run(_ arguments: [String]) throws -> Int32 {
    let options = try CommandLineOptions(arguments, known: options)
    let format = options["output"] ?? "text"
    guard format == "text" || format == "json" else {
      throw UsageError("option --output: found \"\(format)\", expected text or json")
    }
    guard let verb = options.operands.first else { throw UsageError("say show, check or release") }
    let site = try IPAMSite(options)
    switch (verb, options.operands.count) {
    case ("show", 1):
      try show(site, isJSON: format == "json")
      return 0
    case ("check", 1): return try check(site, isJSON: format == "json")
    case ("release", 2):
      try IPAMRelease(site, force: options.has("force"), interface: options["interface"]).release(options.operands[1])
      return 0
    case ("release", 1): throw UsageError("release needs an address or a container's whole identity")
    default: throw UsageError("\"\(options.operands.joined(separator: " "))\" is no command of ipam")
    }
  }

  private static func show(_ site: IPAMSite, isJSON: Bool) throws {
    let reports = try site.reports()
    if isJSON { return print(JSON.array(reports.map(\.json)).prettyDescription()) }
    if reports.isEmpty { print("no network has leases in \(site.dataDirectory)") }
    for report in reports {
      print("network \(report.network), \(report.directory)")
      if report.sets == nil {
        print("  its ranges are not known: no configuration of it in \(site.configurationDirectory)")
      }
      for use in report.usage {
        let ranges = use.set.ranges.map { "\($0.start)-\($0.end)" }.joined(separator: ", ")
        print("  \(ranges): \(use.taken) of \(use.set.capacity) taken")
      }
      let tally = report.tally.description
      if !tally.isEmpty { print("  \(tally)") }
      var table = TextTable("ADDRESS", "STATE", "AGE", "INTERFACE", "CONTAINER", "POD")
      for item in report.items {
        table.add(
          item.file.name, item.state.rawValue, age(item.file.changedAt), item.file.holder?.interfaceName ?? "",
          item.file.holder.map { String($0.containerID.prefix(13)) } ?? "", item.record?.pod ?? "")
      }
      if !table.isEmpty { print(table.text, terminator: "") }
    }
  }

  private static func check(_ site: IPAMSite, isJSON: Bool) throws -> Int32 {
    let reports = try site.reports()
    let isSound = reports.allSatisfy(\.findings.isEmpty)
    if isJSON {
      print(JSON.array(reports.map(\.json)).prettyDescription())
    } else {
      for report in reports {
        for finding in report.findings { print("\(report.network): \(finding.kind): \(finding.text)") }
        if report.findings.isEmpty { print("\(report.network): \(report.items.count) leases, nothing wrong") }
      }
      if reports.isEmpty { print("no network has leases in \(site.dataDirectory)") }
    }
    return isSound ? 0 : 1
  }

  /// How long ago a time was, as kubectl says it.
  private static func age(_ time: Double) -> String {
    let seconds = Int(max(0, Time.wallSeconds - time))
    switch seconds {
    case ..<120: return "\(seconds)s"
    case ..<7200: return "\(seconds / 60)m"
    case ..<172_800: return "\(seconds / 3600)h"
    default: return "\(seconds / 86400)d"
    }
  }
}
