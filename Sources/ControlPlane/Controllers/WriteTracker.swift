internal import Kubernetes
internal import Linux
internal import Synchronization

/// What a controller has written and its cache has not shown yet. As long as something of an owner is outstanding, its
/// children must not be counted: a count from a stale cache makes too many or deletes too many.
///
/// Resource versions are compared as numbers, as the API allows since Kubernetes 1.35 and every server before allowed in
/// fact.
final class WriteTracker: Sendable {
  private enum Awaited: Sendable {
    case version(UInt64)
    /// Ending or gone, or another object of that name.
    case ending(uid: String)
  }

  private struct Entry {
    var owner: NamespacedKey
    var awaited: Awaited
    var since: Timestamp
  }

  private struct State {
    var pending: [NamespacedKey: Entry] = [:]
    var children: [NamespacedKey: Set<NamespacedKey>] = [:]
  }

  /// Seconds after which a write counts as seen; an object can come and go between two lists.
  static let timeout = 30.0

  private let cache: ObjectCache
  private let queue: WorkQueue<NamespacedKey>
  private let state = Mutex(State())

  /// Watches a cache; owners whose last write was seen are put into `queue`.
  init(_ cache: ObjectCache, queue: WorkQueue<NamespacedKey>) {
    self.cache = cache
    self.queue = queue
    cache.observe { [weak self] old, new in self?.observe(old, new) }
  }

  /// The API answered with this object to a creation or update.
  func wrote(_ object: KubernetesObject, for owner: NamespacedKey) {
    guard let version = UInt64(object.resourceVersion) else { return }
    note(object.key, owner, .version(version))
  }

  /// The API accepted the deletion of this object.
  func deleted(_ object: KubernetesObject, for owner: NamespacedKey) {
    note(object.key, owner, .ending(uid: object.uid))
  }

  private func note(_ key: NamespacedKey, _ owner: NamespacedKey, _ awaited: Awaited) {
    // The cache is asked under the lock: what arrives after that finds the entry.
    state.withLock { state in
      if Self.isSeen(awaited, cache.get(key), isGone: false) { return }
      state.pending[key] = Entry(owner: owner, awaited: awaited, since: .now())
      state.children[owner, default: []].insert(key)
    }
  }

  private static func isSeen(_ awaited: Awaited, _ object: KubernetesObject?, isGone: Bool) -> Bool {
    switch awaited {
    case .version(let version):
      guard let object else { return isGone }
      return UInt64(object.resourceVersion).map { $0 >= version } ?? true
    case .ending(let uid):
      guard let object else { return true }
      return object.isTerminating || object.uid != uid
    }
  }

  private func observe(_ old: KubernetesObject?, _ new: KubernetesObject?) {
    guard let key = (new ?? old)?.key else { return }
    let settled = state.withLock { state -> NamespacedKey? in
      guard let entry = state.pending[key] else { return nil }
      var isSeen = Self.isSeen(entry.awaited, new, isGone: new == nil)
      // A deletion that is older than the creation awaited is not its end.
      if new == nil, case .version(let version) = entry.awaited, let last = old.flatMap({ UInt64($0.resourceVersion) })
      {
        isSeen = last >= version
      }
      guard isSeen else { return nil }
      state.pending[key] = nil
      state.children[entry.owner]?.remove(key)
      guard state.children[entry.owner]?.isEmpty ?? true else { return nil }
      state.children[entry.owner] = nil
      return entry.owner
    }
    if let settled { queue.add(settled) }
  }

  /// Whether the cache shows everything that was written for the owner. If not, the owner comes into the queue again.
  func isSettled(_ owner: NamespacedKey) -> Bool {
    let isSettled = state.withLock { state in
      guard let children = state.children[owner] else { return true }
      let now = Timestamp.now()
      for child in children {
        guard let entry = state.pending[child], now.since(entry.since) < Self.timeout else {
          state.pending[child] = nil
          state.children[owner]?.remove(child)
          continue
        }
      }
      if state.children[owner]?.isEmpty ?? true {
        state.children[owner] = nil
        return true
      }
      return false
    }
    if !isSettled { queue.add(owner, after: Self.timeout) }
    return isSettled
  }
}
