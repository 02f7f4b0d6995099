internal import Addressing
internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Gives every node a pod range of each cluster range (`spec.podCIDRs`), never one that overlaps another node's or an
/// occupied range. Keys are nodes.
final class NodeRangeController: Controller {
  let name = "node pod ranges"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let state: Mutex<NodeRanges>
  private let followsServiceRanges: Bool

  /// `occupied` are ranges no node may get, such as the Service range; with `followsServiceRanges` also those of all
  /// ServiceCIDRs, as they come and go.
  init(
    _ context: ControllerContext, ranges: [ControllerOptions.PodRange], occupied: [Prefix],
    followsServiceRanges: Bool = false
  ) {
    self.context = context
    self.followsServiceRanges = followsServiceRanges
    var state = NodeRanges(ranges.map { PodRangeAllocator(clusterRange: $0.clusterRange, length: $0.nodeLength) })
    for prefix in occupied { state.reserve(prefix) }
    self.state = Mutex(state)
  }

  func observe() {
    context.nodes.observe { [weak self] old, new in self?.observe(old, new) }
    guard followsServiceRanges else { return }
    context.serviceRanges.observe { [weak self] old, new in
      let before = old.map { ServiceRangeController.prefixes($0) } ?? []
      let after = new.map { ServiceRangeController.prefixes($0) } ?? []
      guard let self, before != after else { return }
      state.withLock { state in
        for prefix in after { state.reserve(prefix) }
        for prefix in before { state.free(prefix) }
      }
      if !before.isEmpty { lookAtWaiting() }
    }
  }

  /// Every range a node has is held before `reconcile` hands out the first: the cache is complete by then.
  private func observe(_ old: KubernetesObject?, _ new: KubernetesObject?) {
    if let new {
      let ranges = Self.ranges(of: new)
      if ranges.isEmpty { queue.add(new.key) } else { state.withLock { $0.hold(ranges, node: new.name) } }
    } else if let old {
      if state.withLock({ $0.release(node: old.name) }) { lookAtWaiting() }
    }
  }

  private func lookAtWaiting() {
    for node in context.nodes.all where Self.ranges(of: node).isEmpty { queue.add(node.key) }
  }

  static func ranges(of node: KubernetesObject) -> [Prefix] {
    var texts = node.spec["podCIDRs"].elements.compactMap(\.string)
    if texts.isEmpty, let single = node.spec["podCIDR"].string, !single.isEmpty { texts = [single] }
    return texts.compactMap { Prefix($0) }
  }

  func reconcile(_ key: NamespacedKey) throws {
    // The newest node, not the cache's: somebody else may give out ranges too.
    guard context.nodes.get(key) != nil, let node = try context.client.find(.nodes, name: key.name),
      !node.isTerminating
    else { return }
    let existing = Self.ranges(of: node)
    guard existing.isEmpty else { return state.withLock { $0.hold(existing, node: node.name) } }
    // A try that failed has its ranges still: it may have succeeded without our knowing.
    guard let ranges = state.withLock({ $0.allocate(node: node.name) }) else {
      return context.events.record(
        node, .warning, reason: "CIDRNotAvailable",
        message: "Node \(node.name) gets no pod range: all ranges of the cluster range are taken. "
          + "Remove nodes or enlarge the cluster's pod range.")
    }
    guard let first = ranges.first else { return }
    do {
      try context.client.patch(
        .nodes, name: node.name, .merge,
        [
          "metadata": ["uid": .string(node.uid)],
          "spec": [
            "podCIDR": .string(first.description), "podCIDRs": .array(ranges.map { .string($0.description) }),
          ],
        ])
    } catch let status as APIStatus where status.isNotFound {
      // The cache may have told of the end before there was anything to give back.
      if state.withLock({ $0.release(node: node.name) }) { lookAtWaiting() }
    }
  }

  /// How many ranges of each family are held.
  var heldCounts: [Int] { state.withLock { $0.allocators.map(\.count) } }
}
