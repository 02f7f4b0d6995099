import Addressing
import Diagnosis
import Linux

/// The checks of `swiftlet plan` for the ranges on a server's or an agent's command line.
enum RangeReview {
  /// Refuses ranges that cannot make a cluster, and logs what will become a trouble. Ranges that were left out are not
  /// missed: an agent need not know the nodes'.
  static func check(
    nodes: [Prefix] = [], pods: [Prefix], services: [Prefix], servicesOption: String = "--service-range",
    nodeMasks: [IPFamily: Int] = [:], log: Log
  ) throws {
    var request = PlanRequest()
    request.nodes = nodes.map { PlannedRange(.node, $0, from: "--node-range") }
    request.pods = pods.map { PlannedRange(.pod, $0, from: "--pod-range") }
    request.services = services.map { PlannedRange(.service, $0, from: servicesOption) }
    request.nodeMasks = nodeMasks
    request.targets = [.kubernetes]
    for finding in try RangeGuard.check(request) { log.warning(finding.sentence) }
  }
}
