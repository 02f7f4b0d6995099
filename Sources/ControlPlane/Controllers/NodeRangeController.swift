internal import Addressing
internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Gives every node a pod range of each cluster range (`spec.podCIDRs`), never one that overlaps another node's or an
/// occupied range. Keys are nodes.
final class NodeRangeController: Controller {
  private struct State {
    var allocators: [PodRangeAllocator]
    /// What each node holds, so that it is given back when the node goes.
    var held: [String: [Prefix]] = [:]
  }

  let name = "node pod ranges"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let state: Mutex<State>

  /// `occupied` are ranges no node may get, such as the Service range.
  init(_ context: ControllerContext, ranges: [ControllerOptions.PodRange], occupied: [Prefix]) {
    self.context = context
    var allocators = ranges.map { PodRangeAllocator(clusterRange: $0.clusterRange, length: $0.nodeLength) }
    for index in allocators.indices { for prefix in occupied { allocators[index].occupy(prefix) } }
    state = Mutex(State(allocators: allocators))
  }

  func observe() {
    context.nodes.observe { [weak self] old, new in self?.observe(old, new) }
  }

  /// Every range a node has is taken before `reconcile` hands out the first: the cache is complete by then.
  private func observe(_ old: KubernetesObject?, _ new: KubernetesObject?) {
    if let new {
      let ranges = Self.ranges(of: new)
      if ranges.isEmpty { queue.add(new.key) } else { hold(ranges, new.name) }
    } else if let old {
      let isReleased = state.withLock { state in
        guard let held = state.held.removeValue(forKey: old.name) else { return false }
        // Two nodes may claim one range; it is free only when neither is left.
        let others = Set(state.held.values.joined())
        for prefix in held where !others.contains(where: { $0.overlaps(prefix) }) {
          for index in state.allocators.indices { state.allocators[index].release(prefix) }
        }
        return true
      }
      guard isReleased else { return }
      for node in context.nodes.all where Self.ranges(of: node).isEmpty { queue.add(node.key) }
    }
  }

  private func hold(_ ranges: [Prefix], _ node: String) {
    state.withLock { state in
      state.held[node] = ranges
      for prefix in ranges { for index in state.allocators.indices { state.allocators[index].occupy(prefix) } }
    }
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
    guard existing.isEmpty else {
      hold(existing, node.name)
      return
    }
    let ranges = state.withLock { state -> [Prefix]? in
      // A try that failed before has its ranges still.
      if let held = state.held[node.name] { return held }
      var ranges: [Prefix] = []
      for index in state.allocators.indices {
        guard let range = state.allocators[index].allocate() else {
          // All families or none: nothing leaks when the second is full.
          for (given, prefix) in ranges.enumerated() { state.allocators[given].release(prefix) }
          return nil
        }
        ranges.append(range)
      }
      state.held[node.name] = ranges
      return ranges
    }
    guard let ranges else {
      context.events.record(
        node, .warning, reason: "CIDRNotAvailable",
        message: "Node \(node.name) gets no pod range: all ranges of the cluster range are taken. "
          + "Remove nodes or enlarge the cluster's pod range.")
      return
    }
    guard let first = ranges.first else { return }
    try context.client.patch(
      .nodes, name: node.name, .merge,
      [
        "metadata": ["uid": .string(node.uid)],
        "spec": [
          "podCIDR": .string(first.description), "podCIDRs": .array(ranges.map { .string($0.description) }),
        ],
      ])
  }
}
