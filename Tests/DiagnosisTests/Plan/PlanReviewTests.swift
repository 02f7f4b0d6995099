import Addressing
import Diagnosis
import Testing

/// Every rule with ranges that keep it and ranges that break it, at the sizes where it turns.
@Suite struct PlanReviewTests {
  struct Case: Sendable, CustomStringConvertible {
    var sample: PlanSample
    /// What is found of the rule, in pieces of its sentence; nil: nothing.
    var found: String?
    var severity = PlanFinding.Severity.error
    var rule: PlanFinding.Rule

    init(
      _ rule: PlanFinding.Rule, _ severity: PlanFinding.Severity, _ found: String?,
      _ change: (inout PlanSample) -> Void
    ) {
      self.rule = rule
      self.severity = severity
      self.found = found
      sample = PlanSample()
      change(&sample)
    }

    init(_ rule: PlanFinding.Rule, _ found: String?, _ change: (inout PlanSample) -> Void) {
      self.init(rule, .error, found, change)
    }

    var description: String { "\(rule) \(found ?? "-"): \(sample)" }
  }

  private func check(_ example: Case) {
    let findings = PlanReview(example.sample.request).findings
    let ofRule = findings.filter { $0.rule == example.rule && $0.severity == example.severity }
    guard let found = example.found else {
      #expect(ofRule.isEmpty, "\(ofRule.map(\.sentence))")
      return
    }
    #expect(
      ofRule.contains { "\($0.sentence) (\($0.expected))".contains(found) },
      "\(findings.map { "\($0.severity) \($0.rule) \($0.sentence) (\($0.expected))" })")
  }

  @Test(arguments: [
    Case(.alignment, nil) { _ in },
    Case(.alignment, "is written 10.244.0.1/16") { $0.pods = ["10.244.0.1/16"] },
    Case(.alignment, "write 10.96.0.0/12") { $0.services = ["10.100.0.0/12"] },
    Case(.alignment, .warning, "write 10.0.0.0/8") { $0.taken = ["vpn 10.1.0.0/8"] },
    Case(.family, nil) { $0.families = [.v4] },
    Case(.family, "have no IPv6") { $0.families = [.v4, .v6] },
    Case(.family, "have no IPv6") { $0.pods += ["fd12:3456::/56"] },
    Case(.family, "is the second IPv4 range") { $0.pods += ["10.230.0.0/16"] },
    Case(.family, "is IPv4") { $0.families = [.v6] },
    Case(.family, nil) {
      $0.nodes = ["192.168.77.0/24", "192.168.78.0/24", "fd12:3456::/64"]
      $0.pods += ["fd12:3456:0:100::/56"]
      $0.services += ["fd12:3456:1::/112"]
    },
    Case(.family, .warning, "comes first for Services") {
      $0.nodes += ["fd12:3456::/64"]
      $0.pods += ["fd12:3456:0:100::/56"]
      $0.services.insert("fd12:3456:1::/112", at: 0)
    },
    Case(.family, .warning, "have no IPv6") {
      $0.pods += ["fd12:3456:0:100::/56"]
      $0.targets = [.kubernetes]
    },
  ]) func writing(_ example: Case) { check(example) }

  @Test(arguments: [
    Case(.overlap, nil) { _ in },
    Case(.overlap, nil) { $0.pods = ["10.97.0.0/16"] },
    Case(.overlap, "pod range 10.96.0.0/12 (from --pod-range) contains service range 10.96.0.0/16") {
      $0.pods = ["10.96.0.0/12"]
    },
    Case(.overlap, "choose another service range, 10.1.0.0/16 is free") { $0.pods = ["10.96.0.0/12"] },
    Case(.overlap, "node range 192.168.77.0/24 (from --node-range) lies within pod range") {
      $0.pods = ["192.168.0.0/16"]
    },
    Case(.overlap, "is the same as service range") { $0.pods = ["10.96.0.0/16"] },
    Case(.overlap, "VPN 10.0.0.0/8 (from --avoid) contains pod range") { $0.taken = ["vpn 10.0.0.0/8"] },
    Case(.overlap, "office network 10.244.7.0/24 (from --avoid) lies within pod range") {
      $0.taken = ["office 10.244.7.0/24"]
    },
    Case(.overlap, nil) { $0.taken = ["office 10.245.0.0/16", "vpn 10.243.255.0/24"] },
    Case(.overlap, "would be hidden") { $0.taken = ["resolver 10.96.0.53/32"] },
    Case(.overlap, .note, "right if that is the network the nodes are on") { $0.taken = ["link 192.168.77.0/24"] },
    Case(.overlap, .warning, "the next network Docker makes") { $0.taken = ["docker-pool 192.168.0.0/16"] },
    Case(.overlap, "the packets stay in the cluster") { $0.taken = ["docker 10.244.0.0/24"] },
    Case(.overlap, .warning, "in a cluster with these addresses already") { $0.taken = ["cni 10.244.1.0/24"] },
    // Nodes have their place in the VPC, others have not.
    Case(.overlap, nil) { $0.taken = ["vpc 192.168.0.0/16"] },
    Case(.overlap, nil) { $0.taken = ["vpc 192.168.77.0/24"] },
    Case(.overlap, "a subnet lies within its VPC") { $0.taken = ["vpc 192.168.77.0/25"] },
    Case(.overlap, "VPC 10.0.0.0/8 (from --avoid) contains service range") { $0.taken = ["vpc 10.0.0.0/8"] },
    Case(.overlap, nil) {
      $0.taken = ["vpc 10.244.0.0/15"]
      $0.nodes = ["10.245.0.0/24"]
      $0.targets = [.eks]
    },
    Case(.overlap, "VPC 10.244.0.0/15 (from --avoid) contains pod range") {
      $0.taken = ["vpc 10.244.0.0/15"]
      $0.nodes = ["10.245.0.0/24"]
    },
    Case(.overlap, .note, "both live on it") {
      $0.pods = ["192.168.77.0/24"]
      $0.targets = [.eks]
    },
  ]) func overlaps(_ example: Case) { check(example) }

  @Test(arguments: [
    Case(.space, nil) { _ in },
    Case(.space, "overlaps 127.0.0.0/8, which is loopback") { $0.pods = ["127.0.0.0/16"] },
    Case(.space, "which is link-local") { $0.services = ["169.254.0.0/20"] },
    Case(.space, "which is multicast") { $0.services = ["239.0.0.0/16"] },
    Case(.space, "which is reserved") { $0.pods = ["240.0.0.0/16"] },
    Case(.space, "which is link-local") { $0.services = ["fe80::/112"] },
    Case(.space, .warning, "for documentation") { $0.pods = ["198.51.100.0/24"] },
    Case(.space, .warning, "for documentation") { $0.services = ["2001:db8::/112"] },
    Case(.space, .warning, "for benchmarks") { $0.pods = ["198.18.0.0/16"] },
    Case(.space, .warning, "shared address space") { $0.pods = ["100.64.0.0/16"] },
    Case(.space, .warning, "shared address space") { $0.pods = ["100.127.0.0/16"] },
    Case(.space, .warning, "is public address space") { $0.pods = ["100.128.0.0/16"] },
    Case(.space, .warning, "is public address space") { $0.services = ["8.8.0.0/16"] },
    Case(.space, .warning, nil) { $0.pods = ["172.16.0.0/12"] },
    Case(.space, .warning, "or reaches into it") { $0.pods = ["172.16.0.0/11"] },
    Case(.space, .warning, nil) { $0.nodes = ["8.8.0.0/16"] },
    Case(.space, .warning, "without a definition") { $0.services = ["fc12::/112"] },
    Case(.space, .note, "is global unicast space") { $0.services = ["2a00:1450::/112"] },
    Case(.space, .note, "begins with zeros") { $0.services = ["fd00:96::/112"] },
    Case(.space, .note, nil) { $0.services = ["fd12:3456:7890:1::/112"] },
    Case(.metadata, nil) { _ in },
    Case(.metadata, "contains 169.254.169.254") { $0.pods = ["169.254.0.0/16"] },
    Case(.metadata, "contains 100.100.100.200, Alibaba") { $0.pods = ["100.100.0.0/16"] },
    Case(.metadata, nil) { $0.pods = ["100.101.0.0/16"] },
    Case(.metadata, "contains 168.63.129.16, Azure") { $0.nodes = ["168.63.129.0/24"] },
    Case(.metadata, "contains fd00:ec2::254, AWS") { $0.services = ["fd00:ec2::/112"] },
    Case(.crowded, .note, "usual for home routers") { $0.nodes = ["192.168.1.0/24"] },
    Case(.crowded, .note, "of Docker's default pools") { $0.pods = ["172.16.0.0/15"] },
    Case(.crowded, .note, "of Docker's default pools") { $0.pods = ["172.31.0.0/16"] },
    Case(.crowded, .note, "Cilium's default pod range") { _ in },
    Case(.crowded, .note, nil) {
      $0.nodes = ["172.16.0.0/24"]
      $0.services = ["172.16.128.0/20"]
    },
  ]) func space(_ example: Case) { check(example) }

  @Test(arguments: [
    Case(.mask, nil) { $0.nodeCount = 256 },
    Case(.mask, "has room for 256 nodes of /24 each, but 257 are asked for") { $0.nodeCount = 257 },
    Case(.mask, "/15 or shorter") { $0.nodeCount = 257 },
    Case(.mask, nil) { $0.maximum = 256 },
    Case(.mask, "but there may be 257") { $0.maximum = 257 },
    Case(.mask, nil) {
      $0.pods = ["10.244.0.0/24"]
      $0.nodeCount = 1
    },
    Case(.mask, "is smaller than the /24 each node gets") { $0.pods = ["10.244.0.0/25"] },
    Case(.mask, nil) {
      $0.pods = ["10.244.0.0/25"]
      $0.masks = [.v4: 27]
    },
    Case(.mask, "has room for 4 nodes of /64 each, but 5") {
      $0.pods = ["fd12:3456::/62"]
      $0.nodeCount = 5
    },
    Case(.platform, nil) { $0.pods = ["10.0.0.0/8"] },
    Case(.platform, "the lengths differ by 17 bits") {
      $0.pods = ["10.0.0.0/8"]
      $0.masks = [.v4: 25]
    },
    Case(.platform, .warning, "the lengths differ by 17 bits") {
      $0.pods = ["10.0.0.0/8"]
      $0.masks = [.v4: 25]
      $0.targets = [.kubernetes]
    },
    Case(.platform, nil) { $0.pods = ["fd12:3456::/48"] },
    Case(.platform, "/48 or longer") { $0.pods = ["fd12:3456::/47"] },
    Case(.platform, "the lengths differ by 17 bits") {
      $0.pods = ["fd12:3456::/47"]
      $0.targets = [.kubernetes]
    },
    Case(.surge, .warning, "all of which are planned for") { $0.nodeCount = 256 },
    Case(.surge, .warning, nil) { $0.nodeCount = 255 },
    Case(.capacity, nil) { $0.masks = [.v4: 25] },
    Case(.capacity, "has 61 addresses for pods, but 110 are asked for") { $0.masks = [.v4: 26] },
    Case(.capacity, nil) {
      $0.masks = [.v4: 26]
      $0.podsPerNode = 61
    },
    Case(.capacity, "but 62 are asked for") {
      $0.masks = [.v4: 26]
      $0.podsPerNode = 62
    },
    Case(.capacity, "is smaller than /30") { $0.masks = [.v4: 31] },
    Case(.surge, .warning, "with maxSurge 26% needs 126") {
      $0.masks = [.v4: 25]
      $0.podsPerNode = 100
      $0.surge = 26
    },
    Case(.surge, .warning, nil) {
      $0.masks = [.v4: 25]
      $0.podsPerNode = 100
    },
    Case(.reuse, .warning, nil) {
      $0.masks = [.v4: 25]
      $0.podsPerNode = 64
    },
    Case(.reuse, .warning, "less than twice the 65 pods") {
      $0.masks = [.v4: 25]
      $0.podsPerNode = 65
    },
    Case(.capacity, .note, nil) { _ in },
    Case(.capacity, .note, "stops at 110") { $0.podsPerNode = 111 },
    Case(.scale, .warning, nil) { $0.nodeCount = 200 },
    Case(.scale, .warning, "tested for") {
      $0.nodeCount = 5001
      $0.podsPerNode = 10
    },
    Case(.scale, .warning, "tested for") { $0.nodeCount = 1364 },
    Case(.scale, .warning, nil) { $0.nodeCount = 1363 },
  ]) func pods(_ example: Case) { check(example) }

  @Test(arguments: [
    Case(.platform, nil) { $0.services = ["10.96.0.0/12"] },
    Case(.platform, "is larger than the 20 bits kubeadm accepts") { $0.services = ["10.96.0.0/11"] },
    Case(.platform, .warning, "is larger than the 20 bits") {
      $0.services = ["10.96.0.0/11"]
      $0.targets = [.kubernetes]
    },
    Case(.platform, nil) { $0.services = ["10.96.0.0/28"] },
    Case(.platform, "has 8 addresses; the API takes .1 and cluster DNS .10") { $0.services = ["10.96.0.0/29"] },
    Case(.platform, nil) { $0.services = ["fd12:3456::/108"] },
    Case(.platform, "is larger than the 20 bits") { $0.services = ["fd12:3456::/107"] },
    Case(.platform, nil) {
      $0.services = ["fd12:3456::/64"]
      $0.targets = [.kubernetes]
    },
    Case(.platform, "is a /63") {
      $0.services = ["fd12:3456::/63"]
      $0.targets = [.kubernetes]
    },
    Case(.serviceSize, .note, "only the first 65536") { $0.services = ["fd12:3456::/111"] },
    Case(.serviceSize, .note, nil) { $0.services = ["fd12:3456::/112"] },
    Case(.serviceSize, nil) {
      $0.services = ["10.96.0.0/24"]
      $0.serviceCount = 252
    },
    Case(.serviceSize, "has 254 addresses, but 253 Services, the API's and cluster DNS need 255") {
      $0.services = ["10.96.0.0/24"]
      $0.serviceCount = 253
    },
    Case(.staticBand, .warning, nil) {
      $0.services = ["10.96.0.0/24"]
      $0.serviceCount = 236
    },
    Case(.staticBand, .warning, "has 238 addresses beside the static band") {
      $0.services = ["10.96.0.0/24"]
      $0.serviceCount = 237
    },
    Case(.staticBand, .note, "keeps its first 16 addresses, up to 10.96.0.16,") { $0.services = ["10.96.0.0/24"] },
    Case(.staticBand, .note, "keeps its first 256 addresses, up to 10.96.1.0,") { _ in },
    Case(.staticBand, .note, "keeps its first 256 addresses, up to 10.96.1.0,") { $0.services = ["10.96.0.0/20"] },
    Case(.staticBand, .note, "keeps its first 128 addresses") { $0.services = ["10.96.0.0/21"] },
    Case(.staticBand, .note, nil) { $0.services = ["10.96.0.0/28"] },
    Case(.nodeSize, nil) {
      $0.nodes = ["192.168.77.0/28"]
      $0.nodeCount = 13
    },
    Case(.nodeSize, "holds 16 addresses, but 17 are needed for the gateway and 14 nodes") {
      $0.nodes = ["192.168.77.0/28"]
      $0.nodeCount = 14
    },
    Case(.nodeSize, nil) {
      $0.nodes = ["192.168.77.0/28", "192.168.78.0/28"]
      $0.nodeCount = 26
    },
    Case(.nodeSize, "17 are needed once there are 14 nodes") {
      $0.nodes = ["192.168.77.0/28"]
      $0.maximum = 14
    },
    Case(.nodeSize, "but 17 are needed") {
      $0.nodes = ["192.168.77.0/28"]
      $0.nodeCount = 12
      $0.targets = [.aks]
    },
    Case(.surge, .warning, "has no address for it") {
      $0.nodes = ["192.168.77.0/28"]
      $0.nodeCount = 13
    },
    Case(.nodeSize, .note, "is longer than /64") { $0.nodes = ["fd12:3456::/80"] },
    Case(.growth, .note, "lets 3 nodes double 6 times, and it can be doubled in place 7 times") { _ in },
    Case(.growth, .note, "it meets service range 10.245.0.0/16") {
      $0.services = ["10.245.0.0/16"]
    },
    Case(.growth, .warning, "has no room for twice the 2 nodes, and it cannot be doubled in place") {
      $0.nodeCount = 2
      $0.pods = ["10.96.0.0/23"]
      $0.services = ["10.96.2.0/23"]
    },
    Case(.growth, .note, "until private space ends") {
      $0.pods = ["172.16.0.0/16"]
      $0.nodeCount = 10
    },
  ]) func servicesAndNodes(_ example: Case) { check(example) }

  /// Each row of the limits, at its bounds and one step beyond.
  @Test(arguments: PlanLimit.table) func limits(_ limit: PlanLimit) throws {
    func sample(_ role: PlannedRange.Role, _ family: IPFamily, _ length: Int) -> PlanRequest {
      var sample = PlanSample(targets: [limit.target])
      let base = IPAddress(family == .v4 ? "10.0.0.0" : "fd12:3456::")!
      let text = "\(Prefix(base, length: length))"
      switch role {
      case .node: sample.nodes = [text]
      case .pod: sample.pods = [text]
      case .service: sample.services = [text]
      case .reserved: break
      }
      return sample.request
    }
    func breaks(_ family: IPFamily, _ length: Int) -> Bool {
      let request = sample(limit.role, family, length)
      return limit.problem(of: request[limit.role][0].prefix, in: request) != nil
    }
    for family in limit.family.map({ [$0] }) ?? IPFamily.allCases {
      let bits = family.bits
      switch limit.constraint {
      case .length(let bounds):
        #expect(!breaks(family, bounds.lowerBound) && !breaks(family, bounds.upperBound))
        #expect(breaks(family, bounds.lowerBound - 1))
        if bounds.upperBound < bits { #expect(breaks(family, bounds.upperBound + 1)) }
      case .hostBits(let bounds):
        if bounds.upperBound < bits {
          #expect(!breaks(family, bits - bounds.upperBound) && breaks(family, bits - bounds.upperBound - 1))
        }
        if bounds.lowerBound > 0 {
          #expect(!breaks(family, bits - bounds.lowerBound) && breaks(family, bits - bounds.lowerBound + 1))
        }
      case .maskDifference(let most):
        let mask = PlanRequest.usualNodeMask(family)
        #expect(!breaks(family, mask - most) && breaks(family, mask - most - 1))
      case .within(let blocks):
        let request = sample(limit.role, family, 16)
        for block in blocks { #expect(limit.problem(of: block, in: request) == nil) }
        #expect(limit.problem(of: Prefix("11.0.0.0/16")!, in: request) != nil)
      case .outside(let blocks):
        let request = sample(limit.role, family, 16)
        for block in blocks { #expect(limit.problem(of: block, in: request) != nil) }
        #expect(limit.problem(of: Prefix("10.0.0.0/8")!, in: request) == nil)
      case .nodeMask, .nodeMaskOfPods, .isAssigned, .podsPerNode, .nodes, .oneFamily: break  // below
      }
    }
    #expect(!limit.source.isEmpty)
  }

  @Test(arguments: [
    Case(.platform, nil) { $0.targets = [.gke] },
    Case(.platform, "plan with /26") {
      $0.targets = [.gke]
      $0.podsPerNode = 32
      $0.masks = [.v4: 25]
    },
    Case(.platform, nil) {
      $0.targets = [.gke]
      $0.podsPerNode = 32
      $0.masks = [.v4: 26]
    },
    Case(.platform, "at most 256") {
      $0.targets = [.gke]
      $0.podsPerNode = 257
    },
    Case(.platform, nil) {
      $0.targets = [.aks]
      $0.podsPerNode = 250
    },
    Case(.platform, "at most 250") {
      $0.targets = [.aks]
      $0.podsPerNode = 251
    },
    Case(.platform, "gives a node a /25") {
      $0.targets = [.aks]
      $0.masks = [.v4: 25]
    },
    Case(.platform, "at most 5000") {
      $0.targets = [.aks]
      $0.maximum = 5001
    },
    Case(.platform, "is not what EKS makes") {
      $0.targets = [.eks]
      $0.families = [.v4, .v6]
    },
    Case(.platform, .warning, "EKS to give a /108") {
      $0.targets = [.eks]
      $0.services = ["fd12:3456::/108"]
    },
    Case(.platform, "overlaps 172.30.0.0/16") {
      $0.targets = [.aks]
      $0.services = ["172.30.0.0/17"]
    },
    Case(.platform, "lies outside of 10.0.0.0/8") {
      $0.targets = [.eks]
      $0.services = ["100.64.0.0/16"]
    },
    // Of several targets each has its say.
    Case(.platform, "choose /24 or shorter") {
      $0.targets = [.kubeadm, .eks]
      $0.services = ["10.96.0.0/25"]
    },
    // EKS has no parts of nodes: pods of all nodes share the subnet.
    Case(.capacity, nil) {
      $0.targets = [.eks]
      $0.pods = ["10.244.0.0/23"]
    },
    Case(.capacity, "has 251 addresses for 3 nodes with 110 pods each, who need 330") {
      $0.targets = [.eks]
      $0.pods = ["10.244.0.0/24"]
    },
    Case(.surge, .warning, nil) {
      $0.targets = [.eks]
      $0.pods = ["10.244.0.0/22"]
      $0.nodeCount = 7
    },
    Case(.surge, .warning, "and 1104 in a rollout") {
      $0.targets = [.eks]
      $0.pods = ["10.244.0.0/22"]
      $0.nodeCount = 8
    },
  ]) func platforms(_ example: Case) { check(example) }

  @Test func errorsComeFirstAndEveryFindingSaysEverything() {
    var sample = PlanSample()
    sample.pods = ["10.96.0.1/12"]
    sample.taken = ["docker-pool 192.168.0.0/16"]
    let review = PlanReview(sample.request)
    #expect(!review.isSound)
    #expect(review.findings.map(\.severity) == review.findings.map(\.severity).sorted())
    for finding in review.findings {
      for text in [finding.subject, finding.found, finding.meaning, finding.expected, finding.remedy, finding.source] {
        #expect(!text.isEmpty, "\(finding)")
      }
    }
    #expect(throws: RangePlanError.self) { try RangeGuard.check(sample.request) }
    sample.pods = ["10.240.0.0/12"]
    #expect(throws: Never.self) {
      let warnings = try RangeGuard.check(sample.request)
      #expect(warnings.map(\.rule) == [.overlap])
    }
  }
}
