import Addressing
import Diagnosis
import Testing

/// What is proposed passes the checks, whatever is taken, and is the same each time.
@Suite struct RangeProposalTests {
  /// SplitMix64: the same cases in every run.
  struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  /// A request within what its target can serve, amid networks that take a good part of private space.
  private func request(_ random: inout Random) -> PlanRequest {
    var request = PlanRequest()
    let target = PlanTarget.allCases.randomElement(using: &random)!
    request.targets = [target]
    let families: [[IPFamily]] = target == .eks ? [[.v4]] : [[.v4], [.v4], [.v6], [.v4, .v6], [.v6, .v4]]
    request.wantedFamilies = families.randomElement(using: &random)
    request.demand.nodes = Int.random(in: 1...60, using: &random)
    if Bool.random(using: &random) { request.demand.maximumNodes = Int.random(in: 60...400, using: &random) }
    request.demand.podsPerNode = [nil, 8, 30, 64, 110, 200].randomElement(using: &random)!
    request.demand.services = [nil, 10, 500, 3000].randomElement(using: &random)!
    request.demand.surge = [0, 25, 100].randomElement(using: &random)!
    let networks: [PlannedRange.Network] = [.office, .vpn, .docker, .dockerPool, .route, .virtual, .resolver, .other]
    for _ in 0..<Int.random(in: 0...12, using: &random) {
      let block = (AddressSpace.private4 + [AddressSpace.shared]).randomElement(using: &random)!
      let length = Int.random(in: block.length + 2...28, using: &random)
      let address = IPAddress(
        .v4, number: block.address.number + UInt128(random.next()) % block.count)
      request.taken.append(
        PlannedRange(
          .reserved, Prefix(address, length: length), from: "a network",
          network: networks.randomElement(using: &random)!))
    }
    return request
  }

  @Test func everyProposalPassesItsChecks() {
    var random = Random(state: 20)
    var complete = 0
    for _ in 0..<400 {
      let request = request(&random)
      let proposal = RangeProposal(request)
      #expect(proposal == RangeProposal(request))
      guard proposal.failures.isEmpty else { continue }
      complete += 1
      let review = PlanReview(proposal.request)
      #expect(review.isSound, "\(review.errors.map(\.sentence)) of \(request)")
      for role in [PlannedRange.Role.node, .pod, .service] {
        #expect(proposal.request[role].map(\.family) == request.families)
      }
      for choice in proposal.choices { #expect(!choice.reasons.isEmpty) }
    }
    #expect(complete > 350, "only \(complete) of 400 requests found room")
  }

  /// Ranges that were given are kept, and what is added goes around them.
  @Test func whatIsGivenStays() {
    var random = Random(state: 5)
    for _ in 0..<100 {
      var request = request(&random)
      request.targets = [.kubeadm]
      request.wantedFamilies = [.v4]
      let role = [PlannedRange.Role.node, .pod, .service].randomElement(using: &random)!
      let whole = RangeProposal(request)
      guard whole.failures.isEmpty else { continue }
      let given = PlannedRange(role, whole.request[role][0].prefix, from: "--given")
      request[role] = [given]
      let proposal = RangeProposal(request)
      #expect(proposal.failures.isEmpty && proposal.request[role] == [given] && proposal.choices.count == 2)
      #expect(PlanReview(proposal.request).isSound)
    }
  }

  @Test func theUsualPlanIsTheOnePeopleExpect() {
    var request = PlanRequest()
    request.demand.nodes = 3
    let proposal = RangeProposal(request)
    #expect(proposal.request.pods.map { "\($0.prefix)" } == ["10.244.0.0/16"])
    #expect(proposal.request.services.map { "\($0.prefix)" } == ["10.96.0.0/16"])
    #expect(proposal.request.nodes.map { "\($0.prefix)" } == ["10.16.0.0/24"])
    #expect(PlanReview(proposal.request).warnings.isEmpty)
  }

  @Test(arguments: [
    // All of 10/8 is an office's: Docker's pools come before nothing at all.
    (["office 10.0.0.0/8"], "172.16.0.0/12"), (["office 10.0.0.0/8", "office 172.16.0.0/12"], "192.168.0.0/16"),
    (["office 10.0.0.0/8", "office 172.16.0.0/12", "office 192.168.0.0/16"], "100.64.0.0/10"),
  ]) func lessAndLessIsFree(taken: [String], block: String) throws {
    let sample = PlanSample(nodes: [], pods: [], services: [], taken: taken)
    let proposal = RangeProposal(sample.request)
    #expect(proposal.failures.isEmpty)
    let block = try #require(Prefix(block))
    for range in proposal.request.planned { #expect(block.contains(range.prefix), "\(range)") }
    #expect(PlanReview(proposal.request).isSound)
  }

  @Test func nothingIsFree() {
    let taken = ["office 10.0.0.0/8", "office 172.16.0.0/12", "office 192.168.0.0/16", "vpn 100.64.0.0/10"]
    let report = PlanReport(PlanSample(nodes: [], pods: [], services: [], taken: taken).request)
    #expect(!report.isSound)
    #expect(report.findings.count { $0.rule == .noRoom } == 3)
    #expect(report.findings[0].sentence.contains("free some space"))
  }

  /// More Services than a platform's largest range holds: no search would help.
  @Test func nothingIsLargeEnough() {
    let report = PlanReport(PlanSample(services: [], serviceCount: 70_000, targets: [.gke]).request)
    #expect(report.findings.count { $0.severity == .error } == 1)
    #expect(report.findings[0].sentence.contains("is larger than GKE allows"), "\(report.findings[0].sentence)")
  }

  @Test func nodesHaveTheirPlaceInTheVPC() throws {
    let sample = PlanSample(nodes: [], taken: ["vpc 10.50.0.0/16", "office 10.50.0.0/20"], targets: [.aks])
    let proposal = RangeProposal(sample.request)
    #expect(proposal.request.nodes.map { "\($0.prefix)" } == ["10.50.16.0/24"])
  }

  /// Two neighbours of a range keep their distance, so that each can be doubled.
  @Test func rangesKeepRoomToGrow() {
    let sample = PlanSample(nodes: [], pods: [], services: [], taken: ["office 10.0.0.0/9", "office 10.224.0.0/11"])
    let planned = RangeProposal(sample.request).request.planned
    for range in planned {
      let doubled = Prefix(range.prefix.address, length: range.prefix.length - 1)
      #expect(!planned.contains { $0 != range && $0.prefix.overlaps(doubled) }, "\(planned)")
    }
  }
}
