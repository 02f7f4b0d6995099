import Addressing
import ClusterModel
import Kubernetes
import NetworkPolicy
import Testing

/// What the compiler shares, and that a change touches only what it must.
@Suite struct PolicyModelTests {
  private func model(_ cluster: Cluster) -> PolicyModel {
    var model = PolicyModel(node: "n1", compiling: cluster.state)
    _ = model.takeChange()
    return model
  }

  @Test func chainsAreSharedByPodsAndSetsByRules() throws {
    let cluster = try VerdictTests.cluster()
    for index in 20..<60 { cluster.pod("a", "w\(index)", ["app": "web"], node: "n1", "10.1.0.1\(index)") }
    let peer = #"{"podSelector":{"matchLabels":{"app":"db"}}}"#
    try cluster.policy("a", "p", #"{"podSelector":{},"ingress":[{"from":[\#(peer)]}]}"#)
    try cluster.policy("a", "q", #"{"podSelector":{},"egress":[{"to":[\#(peer),\#(peer)],"ports":[{"port":1}]}]}"#)
    let table = PolicyModel(node: "n1", compiling: cluster.state).table
    #expect(table.chains.count == 2)
    #expect(table.sets.keys.filter { if case .pods = $0 { true } else { false } }.count == 1)
  }

  @Test func remotePodsHaveNoChains() throws {
    let cluster = try VerdictTests.cluster()
    try cluster.policy("b", "p", #"{"podSelector":{"matchLabels":{"app":"web"}}}"#)
    #expect(PolicyModel(node: "n1", compiling: cluster.state).table.chains.isEmpty)
    #expect(PolicyModel(node: "n2", compiling: cluster.state).table.chains.count == 1)
  }

  @Test func oneFamilyMakesNoSetsOfTheOther() throws {
    let cluster = Cluster()
    try cluster.node("n1", address: "192.168.0.1", ranges: "10.1.0.0/24")
    cluster.pod("a", "web", ["app": "web"], node: "n1", "10.1.0.10", "fd00::10")
    try cluster.policy("a", "p", #"{"podSelector":{},"ingress":[{"from":[{"podSelector":{}}]}]}"#)
    let table = PolicyModel(node: "n1", compiling: cluster.state).table
    #expect(table.sets.values.joined().allSatisfy { $0.family == .v4 })
    #expect(table.chains.values.joined().map(\.family) == [.v4])
  }

  @Test func aLabelTouchesOnlyItsSelectors() throws {
    let cluster = try VerdictTests.cluster()
    for app in ["web", "db", "cli"] {
      try cluster.policy(
        "a", app, #"{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"\#(app)"}}}]}]}"#)
    }
    var model = model(cluster)
    _ = model.update([cluster.pod("a", "web2", ["app": "db"], node: "n2", VerdictTests.web2)], from: cluster.state)
    let change = model.takeChange()
    #expect(change.elements.count == 2 && change.mayDeny)
    #expect(change.newChains.isEmpty && change.changedChains.isEmpty && change.ingress.isEmpty)
    #expect(change.elements.values.allSatisfy { $0.added.count + $0.removed.count == 1 })
  }

  @Test func aNewPodWithoutPolicyDeniesNobody() throws {
    let cluster = try VerdictTests.cluster()
    var model = model(cluster)
    _ = model.update([cluster.pod("b", "new", node: "n1", "10.1.0.77")], from: cluster.state)
    let change = model.takeChange()
    #expect(Set(change.elements.keys) == [.known, .itself] && !change.mayDeny)
    _ = model.update([cluster.pod("b", "new", node: "n1", "10.1.0.77")], from: cluster.state)
    #expect(model.takeChange().isEmpty)
  }

  @Test func thePodThatStaysOwnsTheAddress() throws {
    let cluster = try VerdictTests.cluster()
    try cluster.policy("b", "p", #"{"podSelector":{"matchLabels":{"x":"y"}}}"#)
    var model = model(cluster)
    let address = IPAddress("10.1.0.20")!
    _ = model.update([cluster.pod("b", "zz", ["x": "y"], node: "n1", "10.1.0.20")], from: cluster.state)
    cluster.remove(.pod, "b", "cli")
    _ = model.update([.pod(.init("b", "cli"))], from: cluster.state)
    #expect(model.table.ingress[address] != nil && model.table.sets[.known]?.contains(.address(address)) == true)
    cluster.remove(.pod, "b", "zz")
    _ = model.update([.pod(.init("b", "zz"))], from: cluster.state)
    #expect(model.table.ingress[address] == nil && model.table.sets[.known]?.contains(.address(address)) == false)
    #expect(model.table.chains.isEmpty)
  }
}
