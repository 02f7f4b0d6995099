internal import ControlPlane
internal import Kubernetes
internal import Linux

/// The checks that `lab up` ends with and `lab check` repeats: packets decide, not rules that were read.
struct LabChecks {
  let site: LabSite
  let lab: LabConfiguration
  let client: APIClient
  let output: LabOutput
  let interruption: Interruption

  /// All checks in their order: from addresses over pods and Services to names, policy and HTTP.
  static var all: [Check] {
    AddressChecks.all + PodChecks.all + ServiceChecks.all + NameChecks.all + PolicyChecks.all + IngressChecks.all
      + [ServiceChecks.last]
  }

  /// Runs every check and tells each result. False if one failed.
  func run() throws -> Bool {
    let began = Time.monotonicSeconds
    let context = CheckContext(site: site, lab: lab, client: client, interruption: interruption)
    defer { try? CheckFixture.remove(client, interruption) }
    try prepare(context)
    var failed = 0
    var skipped = 0
    let families = lab.families
    let checks = Self.all.flatMap { check in
      (check.isPerFamily ? families : [families[0]]).map { (check, $0) }
    }
    for (check, family) in checks {
      context.family = family
      let name = check.name + (check.isPerFamily && families.count > 1 ? ", \(family.name)" : "")
      try interruption.check()
      output.progress("checking: \(name)", onTerminalOnly: true)
      switch outcome(of: check, context) {
      case .passed(let detail): output.line("pass  \(name) (\(detail))")
      case .notApplicable(let reason):
        skipped += 1
        output.line("skip  \(name): \(reason)")
      case .failed(let failure):
        failed += 1
        output.line("FAIL  \(name)")
        output.line("      expected: \(failure.expected)")
        output.line("      seen:     \(failure.seen)")
        output.line("      look:     \(failure.look)")
      }
    }
    output.line(
      failed == 0
        ? "\(checks.count - skipped) checks passed in \(seconds(since: began))"
          + (skipped > 0 ? ", \(skipped) had nothing to try" : "")
        : "\(failed) of \(checks.count) checks failed (\(seconds(since: began)))")
    return failed == 0
  }

  /// Makes the fixture, and waits until its pods are ready.
  private func prepare(_ context: CheckContext) throws {
    output.progress("making the pods and Services that the checks use")
    // What an earlier run left behind could be in any state.
    if try client.find(.namespaces, name: CheckFixture.namespace) != nil {
      try CheckFixture.remove(client, interruption)
    }
    let (authority, server) = try TLSIdentity.temporary(names: [CheckFixture.host])
    context.authority = authority
    let workers = context.workers
    let fixture = CheckFixture(nodes: workers.map(\.name), certificate: server.certificate, key: server.key)
    try fixture.create(client)
    let wanted = workers.count * 2
    _ = try context.wait(30) {
      let ready = try context.members().count
      output.progress("\(ready) of \(wanted) check pods ready", onTerminalOnly: true)
      return ready == wanted
    }
  }

  private func outcome(of check: Check, _ context: CheckContext) -> Check.Outcome {
    do {
      return try check.run(context)
    } catch let failure as Check.Failure {
      return .failed(failure)
    } catch {
      return .failed(
        Check.Failure(expected: "the check to run to its end", seen: "\(error)", look: "swiftlet lab status"))
    }
  }
}
