internal import Addressing

/// Which node holds which pod ranges, over all families of the cluster. Pure.
struct NodeRanges {
  /// One a family.
  private(set) var allocators: [PodRangeAllocator]
  /// By node.
  private(set) var held: [String: [Prefix]] = [:]

  init(_ allocators: [PodRangeAllocator]) { self.allocators = allocators }

  /// Keeps ranges from being handed out, until `free`.
  mutating func reserve(_ prefix: Prefix) { for index in allocators.indices { allocators[index].occupy(prefix) } }
  mutating func free(_ prefix: Prefix) { for index in allocators.indices { allocators[index].release(prefix) } }

  /// A node has these ranges, and none of those it was believed to have.
  mutating func hold(_ ranges: [Prefix], node: String) {
    guard held[node] ?? [] != ranges else { return }
    for prefix in ranges { reserve(prefix) }
    for prefix in held[node] ?? [] { free(prefix) }
    held[node] = ranges.isEmpty ? nil : ranges
  }

  /// A range of each family for a node, the same ones until they are held or released; nil when one family has none left,
  /// and then nothing is taken of the others.
  mutating func allocate(node: String) -> [Prefix]? {
    if let ranges = held[node] { return ranges }
    guard allocators.allSatisfy({ !$0.isFull }) else { return nil }
    let ranges = allocators.indices.compactMap { allocators[$0].allocate() }
    held[node] = ranges
    return ranges
  }

  /// The node is gone. Returns whether that gave ranges back.
  @discardableResult
  mutating func release(node: String) -> Bool {
    guard held[node] != nil else { return false }
    hold([], node: node)
    return true
  }
}
